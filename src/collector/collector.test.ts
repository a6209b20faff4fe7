import assert from "node:assert/strict";
import { isUtf8 } from "node:buffer";
import { once } from "node:events";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { test } from "node:test";
import { deflateSync, gzipSync } from "node:zlib";
import { JSON_TYPE, oneSpan, PROTOBUF_TYPE, send, withCollector } from "../../test/started_collector.ts";
import { waitFor } from "../wait_for.ts";
import { startCollector } from "./collector.ts";

const MIB = 1024 * 1024;

test("startCollector() makes its folder and files for the owner alone", () =>
  withCollector(async ({ folder: parent }) => {
    const folder = `${parent}/a/b`;
    const collector = await startCollector({ folder, port: 0 });
    await collector.close();
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    for (const file of ["traces.jsonl", "metrics.jsonl", "collector.log"]) {
      assert.equal(statSync(`${folder}/${file}`).mode & 0o777, 0o600);
    }
  }));

test("startCollector() listens on 127.0.0.1 alone", () =>
  withCollector(async ({ url }) => {
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/);
    // Linux has all of 127.0.0.0/8; elsewhere this address does not exist. Neither may connect.
    const elsewhere = connect(Number(new URL(url).port), "127.0.0.2");
    await assert.rejects(once(elsewhere, "connect"));
  }));

test("startCollector() throws a UserError when the port is taken, and leaves the files of the other alone", () =>
  withCollector(async ({ url, folder }) => {
    writeFileSync(`${folder}/traces.jsonl`, '{"resourceSpans":[]}\n{"half');
    const port = Number(new URL(url).port);
    await assert.rejects(startCollector({ folder, port }), {
      name: "UserError",
      message: `Cannot listen on 127.0.0.1:${port}: the port is taken, a free one is wanted`,
    });
    assert.equal(statSync(`${folder}/traces.jsonl`).size, 27);
  }));

test("startCollector() throws a UserError when it cannot write to the folder", () =>
  withCollector(async ({ folder }) => {
    mkdirSync(`${folder}/other/traces.jsonl`, { recursive: true });
    await assert.rejects(startCollector({ folder: `${folder}/other`, port: 0 }), {
      name: "UserError",
      message: /^Cannot write to ".*other": EISDIR/,
    });
  }));

test("the collector acknowledges JSON and protobuf in their own content type", () =>
  withCollector(async ({ post, counts }) => {
    const json = await post(oneSpan("a"), { "content-type": "Application/JSON; charset=utf-8" });
    assert.deepEqual([json.status, json.headers.get("content-type")], [200, "application/json"]);
    assert.equal(await json.text(), '{"partialSuccess":{}}');
    const protobuf = await post("", PROTOBUF_TYPE);
    assert.deepEqual([protobuf.status, protobuf.headers.get("content-type")], [200, "application/x-protobuf"]);
    assert.deepEqual(Buffer.from(await protobuf.arrayBuffer()), Buffer.from([0x0a, 0x00]));
    assert.deepEqual(counts(), { requests: 2, refused: 0, spans: 1, dataPoints: 0 });
  }));

test("the collector inflates gzip, deflate and zlib, and takes identity", () =>
  withCollector(async ({ post, text }) => {
    const bodies = {
      gzip: gzipSync(oneSpan("g")),
      deflate: deflateSync(oneSpan("d")),
      zlib: deflateSync(oneSpan("z")),
    };
    for (const [encoding, body] of Object.entries({ ...bodies, identity: oneSpan("i") })) {
      const response = await post(body, { ...JSON_TYPE, "content-encoding": encoding });
      assert.equal(response.status, 200, encoding);
    }
    assert.deepEqual(text("traces.jsonl").match(/(?<="name":")\w/g), ["g", "d", "z", "i"]);
  }));

test("the collector answers 400 with a Status when the body cannot be inflated", () =>
  withCollector(async ({ post, text }) => {
    const gzip = { ...JSON_TYPE, "content-encoding": "gzip" };
    for (const body of ["no gzip", gzipSync(oneSpan("a")).subarray(0, 60)]) {
      const response = await post(body, gzip);
      assert.equal(response.status, 400);
      const status = (await response.json()) as { code: number; message: string };
      assert.equal(status.code, 3);
      assert.match(status.message, /^cannot inflate the body: /);
    }
    const unknown = await post(oneSpan("a"), { ...JSON_TYPE, "content-encoding": "br" });
    assert.deepEqual(await unknown.json(), { code: 3, message: "unsupported Content-Encoding: br" });
    assert.equal(text("traces.jsonl"), "");
  }));

test("the collector answers a malformed body with a Status in its own content type", () =>
  withCollector(async ({ post }) => {
    const json = await post('{"resourceSpans":');
    assert.deepEqual([json.status, json.headers.get("content-type")], [400, "application/json"]);
    assert.deepEqual(await json.json(), { code: 3, message: "expect an array, but found the end, at byte 17" });
    const protobuf = await post("nope", PROTOBUF_TYPE);
    assert.deepEqual([protobuf.status, protobuf.headers.get("content-type")], [400, "application/x-protobuf"]);
    const bytes = Buffer.from(await protobuf.arrayBuffer());
    // google.rpc.Status: 1 is the code, 2 the message with its length in two bytes.
    assert.deepEqual([...bytes.subarray(0, 3)], [0x08, 3, 0x12]);
    assert.equal((bytes[3]! & 0x7f) + bytes[4]! * 128, bytes.length - 5);
    assert.match(bytes.toString("utf8", 5), /^proto: /);
    const encoding = "x".repeat(300);
    const long = await post("", { ...PROTOBUF_TYPE, "content-encoding": encoding });
    const message = `unsupported Content-Encoding: ${encoding}`;
    assert.deepEqual(
      Buffer.from(await long.arrayBuffer()),
      Buffer.concat([
        Buffer.from([0x08, 3, 0x12, 0x80 | (message.length & 0x7f), message.length >> 7]),
        Buffer.from(message),
      ]),
    );
  }));

test("the log stays UTF-8 when a request is not", () =>
  withCollector(async ({ post, folder }) => {
    const body = Buffer.from(oneSpan("a\xff\xfe"), "latin1");
    assert.equal((await post(body)).status, 200);
    assert.equal(isUtf8(readFileSync(`${folder}/collector.log`)), true);
    assert.match(readFileSync(`${folder}/collector.log`, "utf8"), /^a\ufffd\ufffd {2}$/m);
  }));

test("the collector refuses JSON that goes on behind its end, and what ProtoJSON refuses to be given twice", () =>
  withCollector(async ({ post }) => {
    for (const body of [
      `${oneSpan("a")}{}`,
      `\ufeff${oneSpan("a")}`,
      oneSpan('a","name":"b'),
      oneSpan("a", '[{"key":"k","value":{"stringValue":"a","intValue":"5"}}]'),
    ]) {
      assert.equal((await post(body)).status, 400, body);
    }
  }));

test("the collector refuses deep nesting in both encodings, and in unknown keys", () =>
  withCollector(async ({ post }) => {
    const list = (depth: number) => `${'{"arrayValue":{"values":['.repeat(depth)}{}${"]}}".repeat(depth)}`;
    assert.equal((await post(oneSpan("a", `[{"key":"k","value":${list(90)}}]`))).status, 200);
    assert.equal((await post(oneSpan("a", `[{"key":"k","value":${list(100_000)}}]`))).status, 400);
    assert.equal((await post(`{"x":${"[".repeat(100_000)}`)).status, 400);
    let bytes = Buffer.alloc(0);
    // AnyValue.array_value (5) and ArrayValue.values (1) in turn, each around the one before.
    const field = (number: number) => {
      const length = [bytes.length & 0x7f, bytes.length >> 7].map((part, i) => (i ? part : part | 0x80));
      bytes = Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes]);
    };
    for (let depth = 0; depth < 1_000; depth++) field(depth % 2 ? 5 : 1);
    for (const number of [2, 9, 2, 2, 1]) field(number);
    assert.equal((await post(bytes, PROTOBUF_TYPE)).status, 400);
  }));

test("the collector refuses a body that is too large by its Content-Length, without reading it", () =>
  withCollector(async ({ url }) => {
    const headers = { ...JSON_TYPE, "content-length": 21 * MIB };
    const request = httpRequest(`${url}/v1/traces`, { method: "POST", headers });
    request.on("error", () => {});
    request.flushHeaders();
    try {
      const [response] = (await once(request, "response")) as [IncomingMessage];
      assert.equal(response.statusCode, 400);
    } finally {
      request.destroy();
    }
  }));

test("the collector lets a client that sends too much read the answer, and ends its connection", () =>
  withCollector(async ({ url, close }) => {
    // Both announced and not: more than what fits into the buffers of the connection.
    for (const framing of [{ "content-length": 30 * MIB }, { "transfer-encoding": "chunked" }]) {
      const request = httpRequest(`${url}/v1/traces`, { method: "POST", headers: { ...JSON_TYPE, ...framing } });
      const sent = once(request, "finish");
      request.end(Buffer.alloc(30 * MIB, " "));
      const [response] = (await once(request, "response")) as [IncomingMessage];
      assert.equal(response.statusCode, 400);
      response.resume();
      await Promise.all([once(response, "end"), sent]);
    }
    const start = performance.now();
    await close();
    assert.ok(performance.now() - start < 4_000, "close() took as long as it may: a connection was not closed");
  }));

test("the collector ends the connection of a client that does not stop sending", () =>
  withCollector(async ({ url }) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.on("error", () => {});
    socket.resume().write("POST /v1/logs HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    const chunk = Buffer.concat([Buffer.from(`${MIB.toString(16)}\r\n`), Buffer.alloc(MIB), Buffer.from("\r\n")]);
    const more = () => {
      while (!socket.destroyed && socket.write(chunk));
    };
    // Not `once()`: that rejects when the connection is reset.
    const closed = new Promise((resolve) => socket.on("drain", more).once("close", resolve));
    more();
    await closed;
  }));

test("the collector refuses a body that grows too large on the wire, or when it is inflated", () =>
  withCollector(
    async ({ url, post, text }) => {
      const headers = { ...JSON_TYPE, "transfer-encoding": "chunked" };
      const chunked = await send(`${url}/v1/traces`, { headers }, Buffer.alloc(2 * MIB, " "));
      assert.equal(chunked.statusCode, 400);
      assert.deepEqual(JSON.parse(chunked.body), {
        code: 3,
        message: "request body too large: more than 1048576 bytes",
      });
      const large = `{}${" ".repeat(2 * MIB)}`;
      const deflated = await post(deflateSync(large), { ...JSON_TYPE, "content-encoding": "deflate" });
      assert.equal(deflated.status, 400);
      assert.equal(await deflated.text(), chunked.body);
      const announced = await post(gzipSync(large), { ...JSON_TYPE, "content-encoding": "gzip" });
      assert.equal(announced.status, 400);
      assert.match(await announced.text(), /cannot inflate the body: it is cut off, or more than 1048576 bytes/);
      assert.equal((await post(oneSpan("small"))).status, 200);
      assert.equal(text("traces.jsonl").split("\n").length, 2);
    },
    { maxBodyBytes: MIB },
  ));

test("the collector answers 429 and goes on when too much is being received at once", () =>
  withCollector(
    async ({ url, post }) => {
      const headers = { ...JSON_TYPE, "transfer-encoding": "chunked" };
      // Five bodies of nearly 1 KiB wait for their end; 2 KiB may be held.
      const waiting = Array.from({ length: 5 }, () => httpRequest(`${url}/v1/traces`, { method: "POST", headers }));
      try {
        const answers = waiting.map((request) =>
          once(
            request.on("error", () => {}),
            "response",
          ),
        );
        for (const request of waiting) request.write(Buffer.alloc(1_000, " "));
        const [response] = (await Promise.race(answers)) as [IncomingMessage];
        assert.deepEqual([response.statusCode, response.headers["retry-after"]], [429, "1"]);
      } finally {
        for (const request of waiting) request.destroy();
      }
      const isTaken = async () => (await post(oneSpan("a"))).status === 200 || undefined;
      await waitFor(isTaken, "an answer of 200 once the others are gone");
    },
    { maxBodyBytes: 1_024 },
  ));

test("the collector answers other paths, methods and content types as the real one", () =>
  withCollector(async ({ url, post }) => {
    const path = await fetch(`${url}/v1/logs`, { method: "POST", headers: JSON_TYPE, body: "{}" });
    assert.deepEqual([path.status, await path.text()], [404, "404 page not found\n"]);
    const method = await fetch(`${url}/v1/traces`);
    assert.deepEqual([method.status, await method.text()], [405, "405 method not allowed, supported: [POST]"]);
    const type = await post("a=b", { "content-type": "text/plain" });
    assert.equal(type.status, 415);
    assert.equal(
      await type.text(),
      "415 unsupported media type, supported: [application/json, application/x-protobuf]",
    );
    const query = await fetch(`${url}/v1/traces?a=b`, { method: "POST", headers: JSON_TYPE, body: "{}" });
    assert.equal(query.status, 200);
    assert.equal(query.headers.get("access-control-allow-origin"), null);
  }));

test("the collector answers 403 when the Host is not its own", () =>
  withCollector(async ({ url }) => {
    for (const [host, status] of Object.entries({
      "evil.example:4318": 403,
      "127.0.0.1.evil.example": 403,
      "localhost:1": 200,
      "[::1]:4318": 200,
    })) {
      const response = await send(`${url}/v1/traces`, { headers: { ...JSON_TYPE, host } }, "{}");
      assert.equal(response.statusCode, status, host);
    }
  }));

test("close() answers the request in flight, ends idle connections and can be called twice", () =>
  withCollector(async ({ url, text, close }) => {
    const idle = connect(Number(new URL(url).port), "127.0.0.1");
    await once(idle, "connect");
    const idleEnds = once(idle.resume(), "close");
    const body = oneSpan("late");
    const request = httpRequest(`${url}/v1/traces`, {
      method: "POST",
      headers: { ...JSON_TYPE, expect: "100-continue" },
    });
    request.flushHeaders();
    await once(request, "continue"); // The collector has the head of the request and waits for its body.
    const closing = close();
    request.end(body);
    const [response] = (await once(request, "response")) as [IncomingMessage];
    assert.deepEqual([response.statusCode, response.headers.connection], [200, "close"]);
    response.resume();
    idle.destroy();
    await Promise.all([closing, close(), idleEnds]);
    assert.match(text("traces.jsonl"), /"name":"late"/);
    await assert.rejects(fetch(url));
  }));
