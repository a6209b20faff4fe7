import type { ServerResponse } from "node:http";
import type { Refusal } from "./refusal.ts";

export type Encoding = "application/json" | "application/x-protobuf";

/** `google.rpc.Code` of the statuses that we answer. */
const CODES: Record<number, number> = { 400: 3, 429: 8, 500: 13, 503: 14 };

/** Answers that a request was stored. OTLP/HTTP, section "Full Success"; bytes as the real collector's. */
export function answerSuccess(response: ServerResponse, encoding: Encoding): void {
  const body = encoding === "application/json" ? '{"partialSuccess":{}}' : Buffer.from([0x0a, 0x00]);
  answer(response, 200, encoding, body);
}

/** Answers with a `google.rpc.Status` in the request's own encoding. OTLP/HTTP, section "Failures". */
export function answerRefusal(response: ServerResponse, encoding: Encoding, { status, message }: Refusal): void {
  const code = CODES[status]!;
  const body = encoding === "application/json" ? JSON.stringify({ code, message }) : encodeStatus(code, message);
  // OTLP/HTTP, section "OTLP/HTTP Throttling".
  if (status === 429 || status === 503) response.setHeader("Retry-After", "1");
  answer(response, status, encoding, body);
}

/** Answers a request that is none of ours, as the real collector does: in plain text. */
export function answerText(response: ServerResponse, status: number, text: string): void {
  answer(response, status, status === 404 ? "text/plain; charset=utf-8" : "text/plain", text);
}

/** Codes of the Connect protocol for the statuses of `/ingest`, as Pyroscope gives them. */
const INGEST_CODES: Record<number, string> = { 400: "invalid_argument", 429: "resource_exhausted", 503: "unavailable" };

/** Answers as Pyroscope's `/ingest`: with nothing, or with an error in JSON. */
export function answerIngest(response: ServerResponse, refusal?: Refusal): void {
  if (refusal) {
    const { status, message } = refusal;
    answer(response, status, "application/json", JSON.stringify({ code: INGEST_CODES[status] ?? "unknown", message }));
  } else {
    answer(response, 200, "text/plain", "");
  }
}

function answer(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  // What is still to come of the request would be in the way of another one.
  if (!response.req.complete) response.setHeader("Connection", "close");
  response.writeHead(status, { "Content-Type": type, "Content-Length": Buffer.byteLength(body) });
  // While the client is still sending, the answer stays open: were it ended, Deno would close the connection, and its reset
  // overtake the answer.
  if (response.req.complete) response.end(body);
  else response.write(body);
}

function encodeStatus(code: number, message: string): Buffer {
  const text = Buffer.from(message.slice(0, 4000));
  // Fields 1 (a varint) and 2 (bytes and their length, a varint of two bytes).
  return Buffer.concat([Buffer.from([0x08, code, 0x12, (text.length & 0x7f) | 0x80, text.length >> 7]), text]);
}
