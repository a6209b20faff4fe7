import type { IncomingMessage } from "node:http";
import { gunzipSync, inflateSync } from "node:zlib";
import { Refusal } from "./refusal.ts";

export interface BodyLimits {
  /** Of one body, on the wire and inflated. */
  maxBodyBytes: number;
  /** Of all bodies that are being received. */
  maxHeldBytes: number;
}

/** Receives the bodies of requests within limits. */
export class BodyReader {
  private readonly limits: BodyLimits;
  private heldBytes = 0;

  constructor(limits: BodyLimits) {
    this.limits = limits;
  }

  /**
   * The whole body, inflated.
   *
   * @throws {Refusal} when it is too large, by its own account or in fact, when it cannot be inflated, or when too much is
   * being received already; the rest of the body is then still to come
   */
  async read(request: IncomingMessage): Promise<Buffer> {
    const { maxBodyBytes } = this.limits;
    const inflate = inflater(request.headers["content-encoding"]);
    if (Number(request.headers["content-length"] ?? 0) > maxBodyBytes) throw tooLarge(maxBodyBytes);
    const body = await this.receive(request);
    return inflate ? inflate(body, maxBodyBytes) : body;
  }

  private receive(request: IncomingMessage): Promise<Buffer> {
    const { maxBodyBytes, maxHeldBytes } = this.limits;
    const chunks: Buffer[] = [];
    let bytes = 0;
    return new Promise<Buffer>((resolve, reject) => {
      request.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        this.heldBytes += chunk.length;
        chunks.push(chunk);
        if (bytes > maxBodyBytes) reject(tooLarge(maxBodyBytes));
        else if (this.heldBytes > maxHeldBytes) reject(new Refusal("too much is being received at once", 429));
      });
      request.once("end", () => resolve(Buffer.concat(chunks)));
      const stop = () => reject(new Refusal("the request ended before its body did"));
      request.once("error", stop).once("close", stop);
    }).finally(() => {
      this.heldBytes -= bytes;
      request.removeAllListeners("data");
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
      return (body, maxBytes) => inflated(body, maxBytes, gunzipSync);
    case "deflate": // The zlib format, by RFC 9110, section 8.4.1.2.
    case "zlib":
      return (body, maxBytes) => inflated(body, maxBytes, inflateSync);
    default:
      throw new Refusal(`unsupported Content-Encoding: ${encoding}`);
  }
}

function inflated(body: Buffer, maxBytes: number, inflate: typeof gunzipSync): Buffer {
  try {
    return inflate(body, { maxOutputLength: maxBytes });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(maxBytes);
    throw new Refusal(`cannot inflate the body: ${(cause as Error).message}`, 400, cause);
  }
}

/** 400 and not 413, as the real collector answers. */
function tooLarge(maxBytes: number): Refusal {
  return new Refusal(`request body too large: more than ${maxBytes} bytes`);
}
