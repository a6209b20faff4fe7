import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { FileRange } from "./read_lines.ts";
import { readSpans } from "./read_spans.ts";

const line = (name: string) =>
  `{"resourceSpans":[{"resource":{},"scopeSpans":[{"scope":{},"spans":[{"name":"${name}","status":{}}]}]}]}\n`;

async function names(...files: (string | FileRange)[]): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of readSpans(files)) found.push(name);
  return found;
}

async function withFile(use: (path: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "otlp-"));
  try {
    await use(join(folder, "traces.jsonl"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("readSpans() leaves out a last line that is still being written", () =>
  withFile(async (path) => {
    writeFileSync(path, `${line("a")}${line("b")}${line("c").slice(0, 40)}`);
    assert.deepEqual(await names(path), ["a", "b"]);
    appendFileSync(path, line("c").slice(40));
    assert.deepEqual(await names(path), ["a", "b", "c"]);
  }));

test("readSpans() reads the lines that begin in a range", () =>
  withFile(async (path) => {
    writeFileSync(path, `${line("a")}${line("b")}`);
    const start = statSync(path).size;
    appendFileSync(path, `${line("c")}${line("d")}`);
    const { length } = line("x");
    assert.deepEqual(await names({ path, start }), ["c", "d"]);
    assert.deepEqual(await names({ path, start: start - 1 }), ["c", "d"]);
    assert.deepEqual(await names({ path, start: start + 1 }), ["d"]);
    assert.deepEqual(await names({ path, start: length, end: 2 * length }), ["b"]);
    assert.deepEqual(await names({ path, end: 1 }), ["a"]);
    assert.deepEqual(await names({ path, start: 4 * length }), []);
  }));

test("readSpans() reads lines that are longer than what it reads at once, and several files in order", () =>
  withFile(async (path) => {
    const long = "ä".repeat(300_001);
    writeFileSync(path, `${line(long)}${line("b")}`);
    writeFileSync(`${path}.1`, line("before"));
    assert.deepEqual(await names(`${path}.1`, path), ["before", long, "b"]);
  }));

test("readSpans() has no spans of a file that is missing or of lines without spans", () =>
  withFile(async (path) => {
    assert.deepEqual(await names(path), []);
    writeFileSync(path, `{}\n{"resourceSpans":[{"resource":{}}]}\n\n`);
    assert.deepEqual(await names(path), []);
  }));

test("readSpans() throws a SyntaxError that names the file when a finished line is not JSON", () =>
  withFile(async (path) => {
    writeFileSync(path, `${line("a")}{"half":\n${line("b")}`);
    await assert.rejects(names(path), {
      name: "SyntaxError",
      message: `Cannot read "${path}": the line "{"half":" is not JSON`,
    });
  }));

test("readSpans() decodes every kind of value", () =>
  withFile(async (path) => {
    const values = {
      ...{ text: '{"stringValue":"a"}', none: '{"stringValue":""}', no: '{"boolValue":false}', empty: "{}" },
      ...{ zero: '{"intValue":"0"}', big: '{"intValue":"9223372036854775807"}', float: '{"doubleValue":1.5}' },
      ...{
        nan: '{"doubleValue":"NaN"}',
        list: '{"arrayValue":{"values":[{"intValue":"1"},{}]}}',
        bytes: '{"bytesValue":"AP8="}',
      },
      ...{ map: '{"kvlistValue":{"values":[{"key":"__proto__","value":{"intValue":"2"}}]}}' },
    };
    const attributes = Object.entries(values).map(([key, value]) => `{"key":"${key}","value":${value}}`);
    const service = '{"key":"service.name","value":{"stringValue":"s"}}';
    const span = `{"attributes":[${attributes}],"startTimeUnixNano":"18446744073709551615","status":{"code":1}}`;
    writeFileSync(
      path,
      `{"resourceSpans":[{"resource":{"attributes":[${service}]},"scopeSpans":[{"scope":{"name":"n"},"spans":[${span}]}]}]}\n`,
    );
    for await (const { attributes: found, ...rest } of readSpans([path])) {
      assert.deepEqual(found, {
        ...{ text: "a", none: "", no: false, empty: null, zero: 0, big: 9223372036854775807n, float: 1.5 },
        ...{ nan: Number.NaN, list: [1, null], bytes: new Uint8Array([0, 255]), map: JSON.parse('{"__proto__":2}') },
      });
      assert.deepEqual(rest, {
        ...{ traceId: "", spanId: "", parentSpanId: "", name: "", kind: 0, startNs: 2n ** 64n - 1n, endNs: 0n },
        ...{ events: [], links: [], status: { code: 1, message: "" } },
        ...{ service: "s", resource: { "service.name": "s" }, scope: "n" },
      });
    }
  }));
