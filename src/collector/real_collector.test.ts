import assert from "node:assert/strict";
import { test } from "node:test";
import { FIXTURES, JSON_TYPE, PROTOBUF_TYPE, withCollector } from "../../test/started_collector.ts";

for (const { name, signal, protobuf, sent, status, stored, logged } of FIXTURES) {
  test(`the collector does as the real one with ${protobuf ? "protobuf" : "JSON"}: ${name}`, () =>
    withCollector(async ({ post, text }) => {
      const body = Buffer.from(sent, protobuf ? "hex" : "utf8");
      const response = await post(body, protobuf ? PROTOBUF_TYPE : JSON_TYPE, signal);
      assert.equal(response.status, status);
      assert.equal(response.headers.get("content-type"), protobuf ? "application/x-protobuf" : "application/json");
      const line = text(`${signal}.jsonl`);
      assert.deepEqual(line && JSON.parse(line), stored && JSON.parse(stored));
      assert.equal(text("collector.log"), logged);
    }));
}
