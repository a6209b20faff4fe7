import type { IncomingMessage } from "node:http";
import { gunzipSync, inflateSync } from "node:zlib";
import { Refusal } from "./refusal.ts";
import { Turns } from "./turns.ts";

const MIB = 1024 * 1024;
/** Up to here a body is read as fast as it comes; beyond, it shares its way with all that are as large. */
const SMALL_BYTES = MIB;
/** What a client may go on sending when it has been answered already. */
const MAX_DROPPED_BYTES = 64 * MIB;
/** Of what is inflated, when its length is not known. */
const CHUNK_BYTES = 64 * 1024;

export interface BodyLimits {
  /** Of one body, on the wire and inflated. */
  maxBodyBytes: number;
  /** Of all bodies that are being received. */
  maxHeldBytes: number;
}

/** Receives the bodies of requests within limits. */
export class BodyReader {
  readonly #limits: BodyLimits;
  readonly #turns = new Turns();
  #heldBytes = 0;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
  }

  /**
   * The whole body, inflated.
   *
   * @throws {Refusal} when it is too large, by its own account or in fact, when it cannot be inflated, or when too much is
   * being received already; the rest of the body is then still to come
   */
  async read(request: IncomingMessage): Promise<Buffer> {
    const { maxBodyBytes } = this.#limits;
    const inflate = inflater(request.headers["content-encoding"]);
    if (Number(request.headers["content-length"] ?? 0) > maxBodyBytes) throw tooLarge(maxBodyBytes);
    const body = await this.#receive(request);
    return inflate ? inflate(body, maxBodyBytes) : body;
  }

  /** Drops what is still to come of a request that has its answer, and calls `onEnd` behind it; ends the connection when it is too much. */
  drop(request: IncomingMessage, onEnd: () => void): void {
    let bytes = 0;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_DROPPED_BYTES) request.destroy();
      else this.#turns.wait(request);
    });
    request.once("end", onEnd);
  }

  #receive(request: IncomingMessage): Promise<Buffer> {
    const { maxBodyBytes, maxHeldBytes } = this.#limits;
    const chunks: Buffer[] = [];
    let bytes = 0;
    return new Promise<Buffer>((resolve, reject) => {
      const take = (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        this.#heldBytes += chunk.length;
        if (bytes > SMALL_BYTES) this.#turns.wait(request);
        if (bytes > maxBodyBytes) reject(tooLarge(maxBodyBytes));
        else if (this.#heldBytes > maxHeldBytes) reject(new Refusal("too much is being received at once", 429));
      };
      const stop = () => reject(new Refusal("the request ended before its body did"));
      request.on("data", take).once("end", () => resolve(Buffer.concat(chunks)));
      request.once("error", stop).once("close", stop);
    }).finally(() => {
      this.#heldBytes -= bytes;
      request.removeAllListeners("data");
      chunks.length = 0; // the listeners left would hold them while the rest of a refused body is dropped
    });
  }
}

type Inflate = (body: Buffer, maxBytes: number) => Buffer;

function inflater(encoding = ""): Inflate | undefined {
  switch (encoding) {
    case "":
    case "identity":
      return undefined;
    case "gzip":
      return gunzip;
    case "deflate": // The zlib format, by RFC 9110, section 8.4.1.2.
    case "zlib":
      return (body, maxBytes) => inflated(body, maxBytes, inflateSync);
    default:
      throw new Refusal(`unsupported Content-Encoding: ${encoding}`);
  }
}

function gunzip(body: Buffer, maxBytes: number): Buffer {
  // The last four bytes are the length of what is inflated (RFC 1952, section 2.3.1), of the last member when there are
  // several: so a bomb is refused unopened, and an honest body inflated in one piece.
  const announced = body.length < 4 ? 0 : body.readUInt32LE(body.length - 4);
  if (announced > maxBytes) throw new Refusal(`cannot inflate the body: it is cut off, or more than ${maxBytes} bytes`);
  return inflated(body, maxBytes, gunzipSync, Math.max(announced, CHUNK_BYTES));
}

function inflated(body: Buffer, maxBytes: number, inflate: typeof gunzipSync, chunkSize = CHUNK_BYTES): Buffer {
  try {
    return inflate(body, { maxOutputLength: maxBytes, chunkSize });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(maxBytes);
    throw new Refusal(`cannot inflate the body: ${(cause as Error).message}`, 400, cause);
  }
}

/** 400 and not 413, as the real collector answers. */
function tooLarge(maxBytes: number): Refusal {
  return new Refusal(`request body too large: more than ${maxBytes} bytes`);
}
