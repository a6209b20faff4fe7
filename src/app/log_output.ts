import { writeSync } from "node:fs";

/** For a reader that is slow a line waits so long, in ms; until it reads again the next ones do not. */
const PATIENCE_MS = 1_000;
const PAUSE_MS = 10;

/**
 * Writes lines to a file descriptor at once. One that cannot be written, as on a full disk or without a reader, is dropped;
 * the next that can comes behind a line that says how many were.
 */
export class LogOutput {
  readonly #fd: number;
  readonly #notice: (dropped: number, why: string) => string;
  #dropped = 0;
  #why = "";
  /** Of a line that is written in part: the next may not begin in its middle. */
  #rest: Uint8Array = new Uint8Array();

  /** `notice` makes the line that says what was dropped, and the code of the error that was the first reason. */
  constructor(fd: number, notice: (dropped: number, why: string) => string) {
    this.#fd = fd;
    this.#notice = notice;
  }

  write(line: string): void {
    const isDropped = !this.#finish() || !this.#sayDropped() || !this.#put(line);
    if (isDropped) this.#dropped++;
  }

  #finish(): boolean {
    if (this.#rest.length > 0) this.#put(this.#rest);
    return this.#rest.length === 0;
  }

  #sayDropped(): boolean {
    if (this.#dropped === 0) return true;
    if (!this.#put(this.#notice(this.#dropped, this.#why))) return false;
    this.#dropped = 0;
    return this.#rest.length === 0;
  }

  /** `false` when nothing of it could be written; what is left of a part is kept. */
  #put(text: string | Uint8Array): boolean {
    const bytes = typeof text === "string" ? Buffer.from(text) : text;
    const deadline = performance.now() + PATIENCE_MS;
    let done = 0;
    while (done < bytes.length) {
      try {
        done += writeSync(this.#fd, bytes, done);
      } catch (error) {
        const { code = "" } = error as NodeJS.ErrnoException;
        if (code === "EAGAIN" && this.#dropped === 0 && performance.now() < deadline) {
          pause();
          continue;
        }
        if (this.#dropped === 0) this.#why = code;
        if (done > 0) this.#rest = bytes.subarray(done);
        return done > 0;
      }
    }
    this.#rest = new Uint8Array();
    return true;
  }
}

/** A pipe without room says so at once when somebody has made it non-blocking; a log waits as for any other pipe. */
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
}
