import { Buffer } from "node:buffer";
import type { Readable } from "node:stream";
import type { ChangedFile } from "./changes.ts";
import type { Git } from "./git.ts";

/** A file as it is in the head revision. */
export interface Source {
  file: ChangedFile;
  text: string;
}

/** Why a file that could be read was not. */
export type Unread = "missing" | "tooLarge" | "tooMany";

/** What was read, and what was not. */
export interface Sources {
  sources: Source[];
  bytes: number;
  unread: Record<Unread, number>;
}

/** Bounds of one review, which bound the memory of the worker. */
export interface SourceLimits {
  /** @default {500} */
  files?: number;
  /** @default {262_144} */
  fileBytes?: number;
  /** Of all files together. @default {33_554_432} */
  totalBytes?: number;
}

/** Reads the contents of `files` out of the object store, all by one process and without a checkout. */
export async function readSources(
  git: Git,
  files: ChangedFile[],
  { files: most = 500, fileBytes = 256 * 1024, totalBytes = 32 * 1024 ** 2 }: SourceLimits = {},
): Promise<Sources> {
  const wanted = files.slice(0, most);
  const read: Sources = {
    sources: [],
    bytes: 0,
    unread: { missing: 0, tooLarge: 0, tooMany: files.length - wanted.length },
  };
  if (wanted.length === 0) return read;
  const ids = wanted.map(({ blob }) => `${blob}\n`).join("");
  await git.stream(["cat-file", "--batch"], ids, async (output) => {
    const bytes = new ByteReader(output);
    for (const file of wanted) {
      // `<id> blob <size>`, or `<id> missing`
      const size = Number(/ blob (\d+)$/.exec(await bytes.line())?.[1] ?? Number.NaN);
      if (Number.isNaN(size)) {
        read.unread.missing++;
        continue;
      }
      const refusal = size > fileBytes ? "tooLarge" : read.bytes + size > totalBytes ? "tooMany" : undefined;
      const content = await bytes.take(size, !refusal);
      await bytes.take(1, false); // the line feed after every content
      if (refusal) {
        read.unread[refusal]++;
      } else {
        read.bytes += size;
        read.sources.push({ file, text: content.toString("utf8") });
      }
    }
  });
  return read;
}

/** Takes lines and counted bytes out of a stream that comes in chunks of any size. */
class ByteReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: Readable) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    const parts: Buffer[] = [];
    for (;;) {
      const end = this.#rest.indexOf("\n");
      parts.push(this.#cut(end < 0 ? this.#rest.length : end));
      if (end >= 0) break;
      await this.#more();
    }
    this.#cut(1);
    return Buffer.concat(parts).toString("latin1");
  }

  async take(count: number, keep: boolean): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let left = count; left > 0; ) {
      if (this.#rest.length === 0) await this.#more();
      const part = this.#cut(Math.min(left, this.#rest.length));
      left -= part.length;
      if (keep) parts.push(part);
    }
    return Buffer.concat(parts);
  }

  #cut(count: number): Buffer {
    const part = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(count);
    return part;
  }

  async #more(): Promise<void> {
    const { done, value } = await this.#chunks.next();
    if (done) throw new Error("Cannot read the changed files: git cat-file ended too early");
    this.#rest = value;
  }
}
