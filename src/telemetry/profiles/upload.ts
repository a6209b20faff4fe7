import { promisify } from "node:util";
import { gzip, gzipSync } from "node:zlib";
import type { Post } from "../last_posts.ts";
import { onceAMinute } from "../problems.ts";
import type { ProfileSettings } from "../settings.ts";

/** A server that has not answered by then is away, in ms. As long may a process live on that waits for it. */
const ANSWER_MS = 3_000;

/** A profile and its window, Unix time in ms. */
export interface TakenProfile {
  profile: EncodableProfile;
  fromMs: number;
  untilMs: number;
}

/** As bytes it is pprof. @see https://github.com/google/pprof/blob/main/proto/profile.proto */
export interface EncodableProfile {
  encode(): Uint8Array;
}

/** What became of the profiles so far. */
export interface UploadCounts {
  sent: number;
  /** The server did not take them. */
  refused: number;
  /** No server has answered. */
  failed: number;
}

/**
 * Sends profiles to `/ingest` of a Pyroscope server, gzipped pprof as it is. What does not arrive is counted, and said
 * once a minute.
 */
export class ProfileUpload {
  readonly counts: UploadCounts = { sent: 0, refused: 0, failed: 0 };
  readonly #settings: Pick<ProfileSettings, "appName" | "serverUrl" | "headers">;
  readonly #log = onceAMinute();

  constructor(settings: Pick<ProfileSettings, "appName" | "serverUrl" | "headers">) {
    this.#settings = settings;
  }

  /** Sends profiles at once; after the last ones the losses are summed up. */
  async send(profiles: TakenProfile[], isLast: boolean): Promise<void> {
    await Promise.all(profiles.map((taken) => this.#sendOne(taken)));
    if (isLast) this.#sum();
  }

  #sum(): void {
    const { sent, ...lost } = this.counts;
    const ways = Object.entries(lost).filter(([, count]) => count > 0);
    if (ways.length === 0) return;
    const all = ways.reduce((total, [, count]) => total + count, sent);
    const text = ways.map(([way, count]) => `${way} ${count}`).join(", ");
    this.#log.warn(`profiles of ${this.#settings.appName} that did not arrive, of ${all}: ${text}`);
  }

  async #sendOne(taken: TakenProfile): Promise<void> {
    try {
      const response = await this.#post(taken);
      const answer = await response.text(); // read to its end, the connection can be used again
      if (response.ok) this.counts.sent++;
      else this.#note("refused", `the server answered ${response.status}: ${answer.slice(0, 200)}`);
    } catch (error) {
      const { message, cause } = error as Error & { cause?: Error };
      this.#note("failed", cause?.message || message);
    }
  }

  async #post(taken: TakenProfile): Promise<Response> {
    return fetch(this.#urlOf(taken), {
      method: "POST",
      headers: this.#headers,
      body: await promisify(gzip)(taken.profile.encode()),
      redirect: "error", // a POST that is redirected becomes a GET, which would be answered with 200
      signal: AbortSignal.timeout(ANSWER_MS),
    });
  }

  /** The request that sends it, for who sends it in another way. */
  toPost(taken: TakenProfile): Post {
    return { url: this.#urlOf(taken), headers: this.#headers, body: gzipSync(taken.profile.encode()) };
  }

  get #headers(): Record<string, string> {
    return { ...this.#settings.headers, "content-type": "application/octet-stream" };
  }

  #urlOf({ fromMs, untilMs }: TakenProfile): string {
    const { appName, serverUrl } = this.#settings;
    const query = new URLSearchParams({ format: "pprof", name: appName, spyName: "nodespy" });
    query.set("from", String(fromMs));
    query.set("until", String(untilMs));
    return `${serverUrl}/ingest?${query}`;
  }

  #note(way: "refused" | "failed", why: string): void {
    this.counts[way]++;
    this.#log.warn(`a profile of ${this.#settings.appName} was ${way === "failed" ? "not sent" : way}: ${why}`);
  }
}
