import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Collector, type CollectorOptions, startCollector } from "../src/collector/collector.ts";

export interface TestCollector extends Collector {
  folder: string;
  /** Sends a body to `/v1/<signal>`. */
  post(body: string | Buffer, headers?: Record<string, string>, signal?: string): Promise<Response>;
  /** Text of a file in its folder. */
  text(file: string): string;
}

export const JSON_TYPE = { "content-type": "application/json" };
export const PROTOBUF_TYPE = { "content-type": "application/x-protobuf" };

/** A request, and what the OpenTelemetry Collector 0.161.0 did with it (`file` exporter; `debug` exporter, verbosity `normal`). */
export interface Fixture {
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

/** All recorded requests. */
export const FIXTURES = readFileSync(join(import.meta.dirname, "real_collector.fixtures.jsonl"), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Fixture);

/** A request of one span, as OTLP/JSON. */
export function oneSpan(name: string, attributes = "[]"): string {
  return `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"a"}}]},"scopeSpans":[{"spans":[{"name":"${name}","attributes":${attributes}}]}]}]}`;
}

/** Runs `use` with a collector on a free port and files in a new folder; both are gone afterwards. */
export async function withCollector(
  use: (collector: TestCollector) => Promise<void>,
  options: Partial<CollectorOptions> = {},
): Promise<void> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), "collector-"));
  const collector = await startCollector({ port: 0, ...options, folder });
  try {
    await use({
      ...collector,
      folder,
      post: (body, headers = JSON_TYPE, signal = "traces") =>
        fetch(`${collector.url}/v1/${signal}`, { method: "POST", headers, body }),
      text: (file) => readFileSync(join(folder, file), "utf8"),
    });
  } finally {
    await collector.close();
    if (!options.folder) rmSync(folder, { recursive: true, force: true });
  }
}

/** Sends what `fetch` would not: another Host, a body without an end. */
export async function send(
  url: string,
  options: RequestOptions,
  body: string | Buffer = "",
): Promise<IncomingMessage & { body: string }> {
  const request = httpRequest(url, { method: "POST", headers: JSON_TYPE, ...options });
  request.on("error", () => {}); // The connection may be closed while the body is still being sent.
  request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of response) text += chunk;
  return Object.assign(response, { body: text });
}
