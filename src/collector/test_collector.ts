import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Collector, type CollectorOptions, startCollector } from "./collector.ts";

export interface TestCollector extends Collector {
  folder: string;
  /** Sends a body to `/v1/<signal>`. */
  post(body: string | Buffer, headers?: Record<string, string>, signal?: string): Promise<Response>;
  /** Text of a file in its folder. */
  text(file: string): string;
}

export const JSON_TYPE = { "content-type": "application/json" };
export const PROTOBUF_TYPE = { "content-type": "application/x-protobuf" };

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
