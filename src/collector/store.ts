import { isUtf8 } from "node:buffer";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Encoding } from "./answers.ts";
import { transcribeJson } from "./json_reader.ts";
import { LineFile } from "./line_file.ts";
import { LOG_ENDINGS, requestHeading } from "./log_text.ts";
import { transcribeProtobuf } from "./protobuf_reader.ts";
import { Refusal } from "./refusal.ts";
import { MESSAGES } from "./schema.ts";
import { Transcript } from "./transcript.ts";

export type Signal = "traces" | "metrics";

export interface StoreOptions {
  folder: string;
  /** Of `traces.jsonl` and of `metrics.jsonl`. */
  maxFileBytes: number;
  /** Of `collector.log`. */
  maxLogBytes: number;
}

const REQUESTS = { traces: MESSAGES.get("TracesRequest")!, metrics: MESSAGES.get("MetricsRequest")! };
const NEWLINE = 0x0a;
/** Of one request: what bounds the memory while it is read. Its text for the log is the shorter one. */
const MAX_LINE_BYTES = 32 * 1024 * 1024;
const MAX_TEXT_BYTES = 16 * 1024 * 1024;

/** The files of the collector. What is received is in them when `add` returns. */
export class Store {
  spans = 0;
  dataPoints = 0;
  readonly #files: Record<Signal | "log", LineFile>;
  /** One for all requests: they are written one after the other, without a pause in between. */
  readonly #transcript: Transcript;

  constructor({ folder, maxFileBytes, maxLogBytes }: StoreOptions) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#files = {
      traces: new LineFile(join(folder, "traces.jsonl"), maxFileBytes),
      metrics: new LineFile(join(folder, "metrics.jsonl"), maxFileBytes),
      log: new LineFile(join(folder, "collector.log"), maxLogBytes),
    };
    this.#transcript = new Transcript(Math.min(maxFileBytes, MAX_LINE_BYTES), {
      maxBytes: Math.min(maxLogBytes, MAX_TEXT_BYTES),
      endings: LOG_ENDINGS,
    });
  }

  /** Stores one request. @throws {Refusal} when it is malformed or the disk takes no more; nothing of it is stored then */
  add(signal: Signal, encoding: Encoding, body: Buffer): void {
    const transcript = this.#transcript;
    const read = encoding === "application/json" ? transcribeJson : transcribeProtobuf;
    try {
      read(body, REQUESTS[signal], transcript);
      // As the real collector: a request without a span or data point is acknowledged and forgotten.
      if (transcript.spans + transcript.dataPoints > 0) this.#write(signal);
      this.spans += transcript.spans;
      this.dataPoints += transcript.dataPoints;
    } finally {
      transcript.clear();
    }
  }

  close(): void {
    for (const file of Object.values(this.#files)) file.close();
  }

  #write(signal: Signal): void {
    const { line, log } = this.#transcript;
    line.byte(NEWLINE);
    log.insert(0, requestHeading(this.#transcript));
    log.byte(NEWLINE);
    try {
      this.#files[signal].append(line.bytes.subarray(0, line.length));
      try {
        const text = log.bytes.subarray(0, log.length);
        // With a byte that is no UTF-8, grep would take the whole log for binary.
        this.#files.log.append(isUtf8(text) ? text : Buffer.from(text.toString("utf8")));
      } catch (error) {
        this.#files[signal].undo();
        throw error;
      }
    } catch (cause) {
      throw new Refusal(`cannot store the request: ${(cause as Error).message}`, 503, cause);
    }
  }
}
