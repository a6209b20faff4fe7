// What the workers of the verdicts benchmark depend on, in a process of its own: `verdict_services.ts <redis port> <ms>` has a
// service that answers `GET /<ms>` after so many ms, and a way to the Redis on which every answer comes `<ms>` late.
import { createServer, type Server } from "node:http";
import {
  type AddressInfo,
  createConnection,
  createServer as createTcpServer,
  type Server as TcpServer,
} from "node:net";

/** Where they are. */
export interface ServiceUrls {
  service: string;
  slowStore: string;
}

const [redisPort, storeMs] = process.argv.slice(2).map(Number);

const service = createServer((request, response) => {
  // As in life, no answer takes as long as another.
  const ms = Number(request.url?.slice(1)) * (0.8 + 0.4 * Math.random());
  setTimeout(() => response.end("ok"), ms);
});
const slowStore = createTcpServer((client) => {
  const store = createConnection({ host: "127.0.0.1", port: redisPort! });
  client.setNoDelay().pipe(store.setNoDelay());
  // Timers of one length fire in their order.
  store.on("data", (data) => setTimeout(() => client.write(data), storeMs));
  for (const [socket, other] of [
    [client, store],
    [store, client],
  ] as const)
    socket.on("error", () => other.destroy()).on("close", () => other.destroy());
});
process.once("disconnect", () => process.exit());
const urls: ServiceUrls = {
  service: `http://127.0.0.1:${await listen(service)}`,
  slowStore: `redis://127.0.0.1:${await listen(slowStore)}`,
};
process.send?.(urls);

function listen(server: Server | TcpServer): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)); // it listens on a port
  });
}
