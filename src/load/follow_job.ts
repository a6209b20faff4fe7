import type { JobRequest } from "../application/application.ts";
import { shownUrl } from "../terminal/shown_values.mjs";
import { RequestTrace } from "./request_trace.ts";
import { DriveError, type JobEnd, type SentJob, sendJob } from "./send_job.ts";
import { SpanWatch, type SpanWatchOptions } from "./watch_spans.ts";
import { StatusWatch } from "./watch_status.ts";

/** Where the end of a request's work is seen: at the address in the `Location` of its answer, or in its trace. */
export type EndSeen = { by: "status address" } | { by: "job span" };

export interface FollowOptions {
  /** So many status addresses are watched at once, the oldest first. @default {1} */
  most?: number;
  /** Where the spans arrive; without it only an end at a status address can be seen. */
  spans?: SpanWatchOptions | undefined;
  /** @default at the status address where the answer has one, else by the job span */
  end?: EndSeen | undefined;
}

/** A request that was answered. */
export interface FollowedJob extends SentJob {
  /** The trace that the request carried. */
  trace: Pick<RequestTrace, "traceId" | "spanId">;
  /**
   * Resolves when its work has ended. Call it once.
   *
   * @throws {DriveError} when that cannot be known; the signal's reason
   */
  untilEnd(signal: AbortSignal): Promise<JobEnd>;
  /** What is known of it until then, for a sentence. */
  why(): string;
}

/** One job as its client saw it. */
export interface DrivenJob extends JobEnd {
  /** Of its trace where neither the answer nor a span tells that of the job. */
  id: string;
  trace: FollowedJob["trace"];
  /** Sending the request to its answer, ms. */
  requestMs: number;
  /** Sending the request to the end of its work, ms. */
  totalMs: number;
}

/** Sends requests for jobs, each in a trace of its own, and sees how their work ends. */
export class JobFollower {
  readonly #status: StatusWatch;
  readonly #spans: SpanWatch | undefined;
  readonly #end: EndSeen | undefined;
  #isBySpans = false;

  constructor({ most = 1, spans, end }: FollowOptions) {
    this.#status = new StatusWatch(most);
    this.#spans = spans && new SpanWatch(spans);
    this.#end = end;
  }

  /**
   * Sends the request for a job.
   *
   * @throws {DriveError} when it is refused, or nothing would show its end; the signal's reason
   */
  async send(request: JobRequest, signal: AbortSignal): Promise<FollowedJob> {
    const trace = this.#spans?.begin() ?? new RequestTrace();
    let isFollowed = false;
    try {
      const sent = await sendJob(request, trace.traceparent, signal);
      const { url } = sent;
      if (this.#end?.by !== "job span" && url !== undefined) return this.#followStatus({ ...sent, url }, trace);
      if (!this.#spans || this.#end?.by === "status address")
        throw new DriveError(`${request.method} ${shownUrl(request.url)} was answered without a Location to follow`);
      isFollowed = this.#isBySpans = true;
      const spans = this.#spans;
      return { ...sent, trace, untilEnd: (until) => spans.untilEnd(trace, until), why: () => trace.why() };
    } finally {
      if (!isFollowed) this.#spans?.forget(trace);
    }
  }

  /**
   * Sends the request for a job and waits for the end of its work.
   *
   * @throws {DriveError} as `send`, or when it has not ended after `timeoutMs`; the signal's reason
   */
  async drive(
    request: JobRequest,
    { timeoutMs = 60_000, signal }: { timeoutMs?: number; signal: AbortSignal },
  ): Promise<DrivenJob> {
    const began = { ms: performance.now(), atMs: Date.now() };
    const { trace, requestMs, id, ...job } = await this.send(request, signal);
    const late = AbortSignal.timeout(timeoutMs);
    try {
      const end = await job.untilEnd(AbortSignal.any([signal, late]));
      const totalMs = end.atMs === undefined ? performance.now() - began.ms : end.atMs - began.atMs;
      return { ...end, id: id ?? end.id ?? trace.traceId, trace, requestMs, totalMs };
    } catch (error) {
      if (!late.aborted || signal.aborted) throw error;
      throw new DriveError(`the job had not ended after ${timeoutMs / 1_000} s: ${job.why()}`);
    }
  }

  #followStatus(sent: SentJob & { url: string }, trace: RequestTrace): FollowedJob {
    let state = "unknown";
    const onState = (seen: string) => {
      state = seen;
    };
    const untilEnd = (until: AbortSignal) => this.#status.untilEnd(sent.url, until, onState);
    return { ...sent, trace, untilEnd, why: () => `the state of the job ${sent.id} was "${state}"` };
  }

  /** How exactly ends were seen, for the description of a load; empty where they were told at once. */
  get remark(): string {
    return [
      this.#status.isCoarse ? "; ends were asked for at intervals, and are late by up to a tenth" : "",
      this.#isBySpans ? "; ends are those of the job spans" : "",
    ].join("");
  }

  /** Jobs whose end was looked for too late. */
  get seenLate(): number {
    return this.#status.seenLate;
  }
}
