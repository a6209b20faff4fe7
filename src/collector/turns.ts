import type { IncomingMessage } from "node:http";

/** Between two pieces of large bodies, in ms. A piece is what a socket hands over at once, at most 64 KiB. */
const PAUSE_MS = 2;

/**
 * Lets requests read one piece each in turn, about 30 MB a second all together: a flood of large bodies then leaves no more
 * garbage than the runtime collects meanwhile, and small requests find the thread free.
 */
export class Turns {
  readonly #waiting: IncomingMessage[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** Pauses a request that has just handed over a piece until it is its turn. */
  wait(request: IncomingMessage): void {
    request.pause();
    this.#waiting.push(request);
    this.#timer ??= setInterval(() => this.#next(), PAUSE_MS);
  }

  #next(): void {
    const request = this.#waiting.shift();
    if (request) {
      request.resume();
      return;
    }
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
