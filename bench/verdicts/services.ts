// What the workers of the verdicts benchmark depend on, in a process of its own: `services.ts <redis port>` has a
// service that answers `GET /<ms>` after so many ms, and ways to the Redis on which every answer comes late.
import { createServer, type Server } from "node:http";
import {
  type AddressInfo,
  createConnection,
  createServer as createTcpServer,
  type Server as TcpServer,
} from "node:net";

import type { StoreMs } from "./types.ts";

/** Where they are. */
export interface ServiceUrls {
  service: string;
  slowStores: Record<StoreMs, string>;
}

const redisPort = Number(process.argv[2]);

const service = createServer((request, response) => {
  // As in life, no answer takes as long as another.
  const ms = Number(request.url?.slice(1)) * (0.8 + 0.4 * Math.random());
  setTimeout(() => response.end("ok"), ms);
});
process.once("disconnect", () => process.exit());
const urls: ServiceUrls = {
  service: `http://127.0.0.1:${await listen(service)}`,
  slowStores: { 60: await slowStore(60), 250: await slowStore(250) },
};
process.send?.(urls);

async function slowStore(ms: StoreMs): Promise<string> {
  const server = createTcpServer((client) => {
    const store = createConnection({ host: "127.0.0.1", port: redisPort });
    for (const [from, to] of [
      [client, store],
      [store, client],
    ] as const) {
      // Half of it on each way. Timers of one length fire in their order.
      from.setNoDelay().on("data", (data) => setTimeout(() => to.write(data), ms / 2));
      from.on("error", () => to.destroy()).on("close", () => to.destroy());
    }
  });
  return `redis://127.0.0.1:${await listen(server)}`;
}

function listen(server: Server | TcpServer): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)); // it listens on a port
  });
}
