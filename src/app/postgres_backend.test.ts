import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { test } from "node:test";
import { ListenClient } from "./postgres_backend.ts";

/** Messages of a server (PostgreSQL, "Message Formats"): a type, its length with these four bytes, its content. */
function message(type: string, content: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(content.length + 4);
  return Buffer.concat([Buffer.from(type), length, content]);
}

const WELCOME = [message("R", Buffer.alloc(4)), message("Z", Buffer.from("I"))];
const GOODBYE = message("E", Buffer.from("SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0"));

async function withServer(answer: (socket: Socket) => void, use: (client: ListenClient) => Promise<void>) {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => answer(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  try {
    await use(new ListenClient({ host: "127.0.0.1", port, user: "a", database: "a" }));
  } finally {
    server.close();
  }
}

// What a server that shuts down sends at the worst moment; a real one hits it once in some hundred times.

test("ListenClient does not connect to a server that stops at the moment it has connected", () =>
  withServer(
    (socket) => socket.end(Buffer.concat([...WELCOME, GOODBYE])),
    (client) => assert.rejects(client.connect(), { code: "57P01" }),
  ));

test("ListenClient ends while its server stops", async () => {
  const sockets: Socket[] = [];
  await withServer(
    (socket) => {
      sockets.push(socket);
      socket.write(Buffer.concat(WELCOME));
    },
    async (client) => {
      await client.connect();
      client.removeAllListeners();
      const ended = client.end();
      sockets[0]?.end(GOODBYE);
      await ended;
    },
  );
});
