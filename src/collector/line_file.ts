import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, readSync, renameSync, writeSync } from "node:fs";

const NEWLINE = 0x0a;

/**
 * A file that only grows by whole pieces, and that is renamed to `<path>.1` and begun anew before it passes its limit.
 *
 * It writes synchronously: a piece is in the page cache faster than a thread could be asked to put it there.
 */
export class LineFile {
  readonly #path: string;
  readonly #maxBytes: number;
  #file: number | undefined;
  /** Size before the last piece. */
  #before = 0;
  /** Whether something of the last piece is still to be taken back. */
  #isTorn = false;

  /** Opens the file, mode 0600, and drops an unfinished last line, which only a crash leaves. */
  constructor(path: string, maxBytes: number) {
    this.#path = path;
    this.#maxBytes = maxBytes;
    this.#file = this.#open();
    const { size } = fstatSync(this.#file);
    const end = lastLineEnd(this.#file, size);
    if (end < size) ftruncateSync(this.#file, end);
  }

  /** Appends one piece. @throws what the file system throws; nothing of the piece is left in the file when the next one comes */
  append(bytes: Uint8Array): void {
    if (this.#isTorn) this.undo();
    const file = this.#rotated(bytes.length);
    this.#before = fstatSync(file).size;
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
    } catch (error) {
      this.undo();
      throw error;
    }
  }

  /** Takes the last piece back. @throws when that cannot be now; it is done before the next piece then */
  undo(): void {
    if (this.#file === undefined) return;
    this.#isTorn = true;
    ftruncateSync(this.#file, Math.min(this.#before, fstatSync(this.#file).size));
    this.#isTorn = false;
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #rotated(count: number): number {
    if (this.#file !== undefined) {
      const { size } = fstatSync(this.#file);
      if (size === 0 || size + count <= this.#maxBytes) return this.#file;
      this.close();
      if (existsSync(this.#path)) renameSync(this.#path, `${this.#path}.1`);
    }
    this.#file = this.#open();
    return this.#file;
  }

  #open(): number {
    return openSync(this.#path, "a+", 0o600);
  }
}

function lastLineEnd(file: number, size: number): number {
  const buffer = Buffer.alloc(64 * 1024);
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - buffer.length);
    const count = readSync(file, buffer, 0, end - start, start);
    const newline = buffer.subarray(0, count).lastIndexOf(NEWLINE);
    if (newline !== -1) return start + newline + 1;
    end = start;
  }
  return 0;
}
