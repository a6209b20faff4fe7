import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { Problem } from "./problem.ts";
import { isReviewField, readField } from "./review_fields.ts";

/** The body of `POST /reviews`. */
export interface ReviewRequest {
  /** @default the review root */
  repository?: string;
  /** @default 3 commits before the head */
  base?: string;
  /** @default {"HEAD"} */
  head?: string;
}

/** A longer body is refused. */
const MAX_BODY_BYTES = 64 * 1024;

/**
 * Reads and checks the body of a request; no body at all is a request with every default.
 *
 * @throws {Problem} 400 that names the field and what is wanted, 413 or 415
 */
export async function readReviewRequest(message: IncomingMessage): Promise<ReviewRequest> {
  const body = await readBody(message);
  if (body.length === 0) return {};
  const { "content-type": type = "", "content-encoding": encoding = "identity" } = message.headers;
  // The media type with UTF-8 as its only parameter.
  if (!/^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i.test(type) || encoding !== "identity") {
    throw new Problem(415, "Cannot read the body: Content-Type application/json without Content-Encoding is wanted");
  }
  return parseFields(parseObject(body));
}

/** Unlike `express.json()` it answers as soon as the body is too large, and does not first wait for its end. */
async function readBody(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of message.iterator({ destroyOnReturn: false })) {
      bytes += chunk.length;
      if (bytes > MAX_BODY_BYTES) break;
      chunks.push(chunk);
    }
  } catch {
    throw new Problem(400, "Cannot read the body: the connection ended before it did");
  }
  if (bytes <= MAX_BODY_BYTES) return Buffer.concat(chunks);
  message.resume(); // the rest is thrown away: a client that still sends could not read the answer
  throw new Problem(413, `Cannot read the body: it is larger than ${MAX_BODY_BYTES} bytes`);
}

function parseObject(body: Buffer): object {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch {
    // The same answer: it is no JSON at all.
  }
  throw new Problem(400, "Cannot read the body: it is not a JSON object");
}

function parseFields(body: object): ReviewRequest {
  const request: ReviewRequest = {};
  for (const [field, value] of Object.entries(body)) {
    if (!isReviewField(field)) {
      const shown = JSON.stringify(field.slice(0, 100));
      throw new Problem(400, `Cannot use field ${shown}: allowed are repository, base, head`);
    }
    request[field] = readField(field, value, (reason) => new Problem(400, `Cannot use ${field}: ${reason}`));
  }
  return request;
}
