import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { JSON_TYPE, PROTOBUF_TYPE, withCollector } from "./test_collector.ts";

/** A request, and what the OpenTelemetry Collector 0.161.0 did with it (`file` exporter; `debug` exporter, verbosity `normal`). */
interface Fixture {
  name: string;
  signal: "traces" | "metrics";
  protobuf: boolean;
  /** Hexadecimal when it is protobuf. */
  sent: string;
  status: number;
  /** Empty: no line. */
  stored: string;
  logged: string;
}

const FIXTURES = readFileSync(join(import.meta.dirname, "real_collector.fixtures.jsonl"), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Fixture);

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
