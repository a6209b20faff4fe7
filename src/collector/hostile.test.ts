import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { finish, makeCheckout } from "../../test/checkout.ts";
import { peakMb } from "../../test/peak_memory.ts";
import { FIXTURES, oneSpan, send } from "../../test/started_collector.ts";
import { waitFor } from "../wait_for.ts";

const SEED = 20260101;
const MIB = 1024 * 1024;
const MUTATED = 2_000;
const AT_ONCE = 8;
/** A valid request has to be answered within this time whatever else arrives, in ms. */
const ANSWER_MS = 2_000;
const MOST_MB = 256;

test("the collector takes 2,000 hostile requests without a crash, a 5xx or a delay, in bounded memory", async (t) => {
  const checkout = await makeCheckout();
  const child = checkout.start("collector");
  const ended = finish(child);
  const port = Number(checkout.environment.OTLP_PORT);
  const url = `http://127.0.0.1:${port}`;
  const hanging: Socket[] = [];
  const statuses = new Map<number, number>();
  let slowestMs = 0;
  const valid = async () => {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const began = performance.now();
    const { statusCode } = await send(`${url}/v1/traces`, { signal }, oneSpan("valid"));
    slowestMs = Math.max(slowestMs, performance.now() - began);
    assert.equal(statusCode, 200);
    return true as const;
  };
  try {
    await waitFor(valid, "the collector");
    for (const open of slowClients) hanging.push(open(port));
    const random = randomFrom(SEED);
    const queue = [...Array.from({ length: MUTATED }, () => mutated(random)), ...absurd()];
    const work = async () => {
      for (let request = queue.pop(); request; request = queue.pop()) {
        const status = await statusOf(url, request);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        assert.ok(status < 500, `${request.what} was answered ${status}`);
        if (queue.length % 20 === 0) await valid();
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    await valid();
    // Most are refused, some are still what they were; none vanishes without an answer but those that never end.
    assert.ok(statuses.get(400)! > MUTATED / 4 && statuses.get(200)! > MUTATED / 20, JSON.stringify([...statuses]));
    assert.equal(child.exitCode, null);
    const peak = peakMb(child.pid!);
    t.diagnostic?.(
      `slowest valid answer ${slowestMs.toFixed(0)} ms, peak memory ${peak?.toFixed(0) ?? "not measured:"} MB`,
    );
    assert.ok(peak === undefined || peak < MOST_MB, `it held ${peak} MB at its peak`);
  } finally {
    for (const socket of hanging) socket.destroy();
    process.kill(child.pid!, "SIGTERM"); // After `child.kill` Deno would not tell the exit code.
    const { code, signal, stderr } = await ended;
    await checkout.close();
    assert.deepEqual({ code, signal }, { code: 0, signal: null }, stderr);
  }
});

interface Hostile {
  what: string;
  signal: string;
  headers: Record<string, string>;
  body: Buffer;
}

/** The status of the answer; 0 when the connection was closed instead. */
async function statusOf(url: string, { signal, headers, body }: Hostile): Promise<number> {
  return await send(`${url}/v1/${signal}`, { headers }, body).then(
    ({ statusCode }) => statusCode ?? 0,
    () => 0,
  );
}

/** A request of the real collector's fixtures with a few bytes changed, under a content type and encoding that may be wrong. */
function mutated(random: () => number): Hostile {
  const { signal, protobuf, sent } = FIXTURES[Math.floor(random() * FIXTURES.length)]!;
  let body: Buffer = Buffer.from(sent, protobuf ? "hex" : "utf8");
  for (let count = 1 + Math.floor(random() * 4); count > 0; count--) body = mutateOnce(body, random);
  const isProtobuf = random() < 0.05 ? !protobuf : protobuf;
  const headers: Record<string, string> = {
    "content-type": isProtobuf ? "application/x-protobuf" : "application/json",
  };
  if (random() < 0.3) {
    headers["content-encoding"] = "gzip";
    body = gzipSync(body);
    if (random() < 0.5) body = mutateOnce(body, random);
  }
  return { what: `mutation of ${sent.slice(0, 60)}`, signal, headers, body };
}

function mutateOnce(body: Buffer, random: () => number): Buffer {
  const at = Math.floor(random() * (body.length + 1));
  const length = Math.floor(random() * 16);
  const [head, tail] = [body.subarray(0, at), body.subarray(at)];
  switch (Math.floor(random() * 5)) {
    case 0:
      return Buffer.concat([head, Buffer.from([Math.floor(random() * 256)]), tail.subarray(1)]);
    case 1:
      return Buffer.concat([head, tail.subarray(length)]);
    case 2:
      return Buffer.concat([head, Buffer.from(Array.from({ length }, () => Math.floor(random() * 256))), tail]);
    case 3:
      return Buffer.concat([head, tail.subarray(0, length), tail]);
    default:
      return head;
  }
}

/** Nesting, lengths, bombs, sizes and headers beyond every measure. */
function absurd(): Hostile[] {
  const json = { "content-type": "application/json" };
  const protobuf = { "content-type": "application/x-protobuf" };
  const gzip = { "content-encoding": "gzip" };
  const bomb = gzipSync(Buffer.alloc(200 * MIB, " "));
  const longList = `[{"key":"a","value":{"arrayValue":{"values":[${'{"intValue":1},'.repeat(MIB)}{}]}}}]`;
  const points = `{"name":"a","gauge":{"dataPoints":[${'{"asInt":1},'.repeat(MIB)}{}]}}`;
  const manyPoints = Buffer.from(`{"resourceMetrics":[{"scopeMetrics":[{"metrics":[${points}]}]}]}`);
  const deep = (text: string, times: number) => Buffer.from(text.repeat(times));
  const all: (Omit<Hostile, "signal"> & { signal?: string })[] = [
    { what: "deep arrays", headers: json, body: deep('{"resourceSpans":[', 200_000) },
    { what: "deep unknown arrays", headers: json, body: Buffer.from(`{"x":${"[".repeat(1_000_000)}`) },
    { what: "deep protobuf", headers: protobuf, body: deep("\x0a\x7f", 500_000) },
    { what: "a length of 2^63", headers: protobuf, body: Buffer.from("0affffffffffffffffff01", "hex") },
    { what: "a length of 4 GiB", headers: protobuf, body: Buffer.from("0affffffff0f00", "hex") },
    { what: "a long number", headers: json, body: Buffer.from(`{"resourceSpans":${"9".repeat(5 * MIB)}}`) },
    { what: "a long string", headers: json, body: Buffer.from(oneSpan("\\u0041".repeat(3 * MIB))) },
    { what: "many escapes", headers: json, body: Buffer.from(oneSpan('\\"'.repeat(8 * MIB))) },
    { what: "many empty spans", headers: protobuf, body: Buffer.alloc(10 * MIB, Buffer.from("1200", "hex")) },
    { what: "a long list", headers: json, body: Buffer.from(oneSpan("", longList)) },
    { what: "a metric of many points", headers: json, signal: "metrics", body: manyPoints },
    { what: "64 MB", headers: json, body: Buffer.alloc(64 * MIB, " ") },
    { what: "gzip bomb", headers: { ...json, ...gzip }, body: bomb },
    { what: "gzip bomb in protobuf", headers: { ...protobuf, ...gzip }, body: bomb },
    { what: "gzip in gzip", headers: { ...json, ...gzip }, body: gzipSync(bomb) },
    { what: "flood of headers", headers: { ...json, ...headerFlood(3_000) }, body: Buffer.from("{}") },
    { what: "a long header", headers: { ...json, x: "y".repeat(MIB) }, body: Buffer.from("{}") },
  ];
  return Array.from({ length: 5 }, () => all.map((each) => ({ signal: "traces", ...each }))).flat();
}

function headerFlood(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`x-${index}`, "y"]));
}

/** Clients that stay for the whole test: they send too slowly, or for ever. */
const slowClients: ((port: number) => Socket)[] = Array.from({ length: 40 }, (_, index) => (port) => {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  const head = "POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n";
  if (index % 4 === 0)
    socket.write("POST /v1/tra"); // a head that never ends
  else if (index % 4 === 1)
    socket.write(`${head}Content-Length: 1000\r\n\r\n{`); // a body that never comes
  else if (index % 4 === 2)
    socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n`); // a chunk now and then
  else feedForever(socket, head);
  return socket;
});

function feedForever(socket: Socket, head: string): void {
  const chunk = `10000\r\n${" ".repeat(65_536)}\r\n`;
  socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n`);
  const feed = () => {
    while (socket.writable && socket.write(chunk));
  };
  socket.on("drain", feed);
  feed();
}

/** A small generator of numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
