import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { waitFor } from "../wait_for.ts";
import { RequestPort } from "./request_port.ts";

/** Runs `use` with a port that answers each request with the parts "done" that it names. */
async function withPort(use: (port: { open: () => Promise<Socket>; token: string }) => Promise<void>): Promise<void> {
  const port = new RequestPort();
  const number = await port.open();
  port.serve(async (request, { finish }) => {
    finish({ done: "parts" in request ? request.parts : [], ending: false });
  });
  const sockets: Socket[] = [];
  const open = async () => {
    const socket = connect({ port: number, host: "127.0.0.1", allowHalfOpen: true });
    socket.on("error", () => {}); // it may be cut
    sockets.push(socket);
    await once(socket, "connect");
    return socket;
  };
  try {
    await use({ open, token: port.token });
  } finally {
    for (const socket of sockets) socket.destroy();
    port.close();
  }
}

const isClosed = (socket: Socket) =>
  waitFor(() => socket.resume().closed || socket.readableEnded || undefined, "its end");
const request = (token: string) => `${JSON.stringify({ command: "up", environment: {}, parts: ["api"], token })}\n`;
const DONE = '{"done":["api"],"ending":false}\n';

test("RequestPort cuts a connection that is no command", () =>
  withPort(async ({ open, token }) => {
    const lines = [
      "GET / HTTP/1.1\r\n",
      "\n",
      "null\n",
      "{}\n",
      "[1]\n",
      '{"token":1}\n',
      '{"token":{"length":32}}\n',
      request(`${token.slice(1)}x`),
      request("ü".repeat(token.length)),
      request("ü".repeat(token.length / 2)),
      request(token).trimEnd(), // ended before its line is
    ];
    for (const line of lines) {
      const socket = await open();
      const answer = text(socket).catch(() => "");
      socket.end(line);
      assert.equal(await answer, "", line);
      await isClosed(socket);
    }
    const socket = await open();
    socket.write(request(token));
    assert.equal(await text(socket), DONE);
  }));

test("RequestPort takes a request in pieces, and cuts a line without an end", () =>
  withPort(async ({ open, token }) => {
    const endless = await open();
    const piece = "x".repeat(64 * 1024);
    let sent = 0;
    while (!endless.destroyed && sent < 64 * 1024 * 1024) {
      sent += piece.length;
      if (!endless.write(piece)) await once(endless, "drain").catch(() => {}); // it was cut
    }
    assert.ok(endless.destroyed);
    const socket = await open();
    const answer = text(socket);
    for (const character of request(token)) socket.write(character);
    assert.equal(await answer, DONE);
  }));

test("RequestPort holds few strangers, and hears a command among them", () =>
  withPort(async ({ open, token }) => {
    const strangers: Socket[] = [];
    for (let i = 0; i < 300; i++) {
      const socket = (await open()).resume();
      strangers.push(socket);
      socket.on("close", () => strangers.splice(strangers.indexOf(socket), 1));
      socket.on("end", () => socket.destroy());
    }
    const socket = await open();
    socket.write(request(token));
    assert.equal(await text(socket), DONE);
    await waitFor(() => strangers.length < 100 || undefined, "the end of most of them");
    assert.ok(strangers.length > 0);
    // The last of them go when they have said nothing for long enough.
    await waitFor(() => strangers.length === 0 || undefined, "the end of all of them", { timeoutMs: 30_000 });
  }));
