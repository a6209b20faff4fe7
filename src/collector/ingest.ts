import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { gunzipSync, gzipSync } from "node:zlib";
import { isToThisMachine } from "../local_request.ts";
import { answerIngest } from "./answers.ts";
import { BodyReader } from "./body.ts";
import type { ProfileStore } from "./profile_store.ts";
import { transcribeProtobuf } from "./protobuf_reader.ts";
import { Refusal } from "./refusal.ts";
import { MESSAGES } from "./schema.ts";
import { Transcript } from "./transcript.ts";

const MIB = 1024 * 1024;
/** Of a profile, inflated: a server's default. */
const MAX_PROFILE_BYTES = 4 * MIB;
/** Of a request; a multipart one holds more than the profile. */
const MAX_BODY_BYTES = 5 * MIB;
/** What is written while a profile is looked at. */
const MAX_TRANSCRIPT_BYTES = 32 * MIB;
/** Older profiles are refused, as a server's default is. */
const MAX_AGE_MS = 3_600_000;
const PROFILE = MESSAGES.get("Profile")!;

/** Answers `/ingest` as Pyroscope does, for profiles in the format pprof; others are acknowledged and forgotten. */
export class ProfileReceiver {
  /** Set when the server stops: connections then end with the next answer. */
  isClosing = false;
  readonly listener: RequestListener = (request, response) => void this.#answer(request, response);
  readonly #store: ProfileStore;
  readonly #bodies = new BodyReader({ maxBodyBytes: MAX_BODY_BYTES, maxHeldBytes: 2 * MAX_BODY_BYTES });
  /** Taken for what it refuses: a profile is written to it and forgotten, so that nobody has to build it of objects. */
  readonly #transcript = new Transcript(MAX_TRANSCRIPT_BYTES);

  constructor(store: ProfileStore) {
    this.#store = store;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let refusal: Refusal | undefined;
    try {
      await this.#take(request);
    } catch (error) {
      refusal = error instanceof Refusal ? error : new Refusal(String(error), 503, error);
    }
    if (this.isClosing) response.setHeader("Connection", "close");
    answerIngest(response, refusal);
    if (!request.complete) this.#bodies.drop(request, () => response.end());
  }

  async #take(request: IncomingMessage): Promise<void> {
    const { pathname, searchParams: query } = new URL(request.url ?? "", "http://127.0.0.1");
    // A web page can make a browser send a form, but not without the page's own origin.
    if (!isToThisMachine(request.headers) || request.headers.origin)
      throw new Refusal("host or origin not allowed", 403);
    if (pathname !== "/ingest") throw new Refusal("there is only /ingest", 404);
    if (request.method !== "POST") throw new Refusal("only POST is supported", 405);
    const service = serviceOf(query.get("name") ?? "");
    const body = await this.#bodies.read(request).catch((error: Refusal) => {
      throw error.status === 400 ? unprocessable(error.message, error) : error;
    });
    const type = request.headers["content-type"] ?? "";
    const isForm = type.toLowerCase().startsWith("multipart/form-data");
    if (body.length === 0 || (query.get("format") !== "pprof" && !isForm)) return;
    const now = Date.now();
    const fromMs = readTime(query.get("from")) ?? now;
    const untilMs = Math.max(fromMs, readTime(query.get("until")) ?? now);
    if (fromMs < now - MAX_AGE_MS) throw unprocessable("the profile is older than an hour");
    const sent = isForm ? await profileOf(body, type) : body;
    const profile = inflate(sent);
    this.#check(profile);
    this.#store.add({ service, fromMs, untilMs, bytes: profile === sent ? gzipSync(profile) : sent });
  }

  #check(profile: Buffer): void {
    const { line } = this.#transcript;
    try {
      transcribeProtobuf(profile, PROFILE, this.#transcript);
      if (!line.bytes.subarray(0, line.length).includes('"sampleType":[')) throw new Refusal("it has no sample type");
    } catch (error) {
      throw unprocessable(`this is no pprof: ${(error as Error).message}`, error);
    } finally {
      this.#transcript.clear();
    }
  }
}

/** `service{tag=value,...}` without the tags. */
function serviceOf(name: string): string {
  const [, service] = /^([\w./-]{1,200})(?:\{.*\})?$/.exec(name) ?? [];
  if (!service) throw new Refusal(`name: letters, digits, ".", "-", "_" and "/" are wanted, and tags in braces`, 400);
  return service;
}

/** Unix time as Pyroscope takes it, in ms: by the number of its digits in s, ms, us or ns. */
function readTime(text: string | null): number | undefined {
  if (!text || !/^\d{1,19}$/.test(text)) return undefined;
  const unitMs = { 13: 1, 16: 1e-3, 19: 1e-6 }[text.length] ?? 1_000;
  return Math.floor(Number(text) * unitMs);
}

/** The field `profile` of a form. */
async function profileOf(body: Buffer, type: string): Promise<Buffer> {
  const response = new Response(new Uint8Array(body), { headers: { "content-type": type } });
  const form = await response.formData().catch((cause) => {
    throw unprocessable(`the form cannot be read: ${(cause as Error).message}`, cause);
  });
  const field = form.get("profile");
  if (!field) throw unprocessable('the form has no field "profile"');
  return typeof field === "string" ? Buffer.from(field) : Buffer.from(new Uint8Array(await field.arrayBuffer()));
}

/** The profile itself when it is not gzipped. */
function inflate(sent: Buffer): Buffer {
  if (sent[0] !== 0x1f || sent[1] !== 0x8b) {
    if (sent.length > MAX_PROFILE_BYTES) throw unprocessable(`the profile has more than ${MAX_PROFILE_BYTES} bytes`);
    return sent;
  }
  try {
    return gunzipSync(sent, { maxOutputLength: MAX_PROFILE_BYTES });
  } catch (cause) {
    throw unprocessable(`cannot inflate the profile: ${(cause as Error).message}`, cause);
  }
}

function unprocessable(message: string, cause?: unknown): Refusal {
  return new Refusal(message, 422, cause);
}
