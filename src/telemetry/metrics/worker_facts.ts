import { errorMonitor } from "node:events";
import { type Meter, ValueType } from "@opentelemetry/api";
import * as names from "../names.ts";
import type { Worker } from "../spans/bullmq_types.ts";
import { harmless } from "../spans/harmless.ts";
import type { RunningAttempts } from "../spans/running_attempts.ts";

export interface WorkerFactsOptions {
  running: RunningAttempts;
  /** Exports all metrics at once; never rejects. */
  flush(): Promise<void>;
}

/** What the workers of this process are set to, and the locks that they lost: by the workers themselves, a series a queue. */
export class WorkerFacts {
  readonly #options: WorkerFactsOptions;
  /** Whether each is ready. */
  readonly #workers = new Map<Worker, boolean>();
  /** Their queues, also those that have none any more. */
  readonly #queues = new Set<string>();
  /** By queue, of those that can tell. */
  readonly #lost = new Map<string, number>();

  constructor(meter: Meter, options: WorkerFactsOptions) {
    this.#options = options;
    const whole = (unit: string) => ({ unit, valueType: ValueType.INT });
    const concurrency = meter.createObservableUpDownCounter(names.WORKER_CONCURRENCY, whole("{job}"));
    const lockDuration = meter.createObservableGauge(names.WORKER_LOCK_DURATION, { unit: "s" });
    const lockRenewTime = meter.createObservableGauge(names.WORKER_LOCK_RENEW_TIME, { unit: "s" });
    const locksLost = meter.createObservableCounter(names.WORKER_LOCKS_LOST, whole("{lock}"));
    const ready = meter.createObservableGauge(names.WORKER_READY, whole("1"));
    meter.addBatchObservableCallback(
      (result) => {
        this.#forgetClosed();
        for (const queue of this.#queues) {
          const attributes = { [names.MESSAGING_DESTINATION_NAME]: queue };
          const workers = [...this.#workers].filter(([{ name }]) => name === queue);
          const all = workers.map(([worker]) => worker);
          const least = (of: (worker: Worker) => number) => Math.min(...all.map(of)) / 1e3;
          result.observe(concurrency, sum(all.map(concurrencyOf)), attributes);
          result.observe(ready, workers.some(([{ closing }, isReady]) => isReady && !closing) ? 1 : 0, attributes);
          if (all.length === 0) continue; // the zeros say so: of what is left out the SDK repeats the last value
          result.observe(
            lockDuration,
            least(({ opts }) => opts.lockDuration),
            attributes,
          );
          if (!all.some(renewsLocks)) continue;
          result.observe(
            lockRenewTime,
            least(({ opts }) => opts.lockRenewTime),
            attributes,
          );
        }
        for (const [queue, count] of this.#lost)
          result.observe(locksLost, count, { [names.MESSAGING_DESTINATION_NAME]: queue });
      },
      [concurrency, lockDuration, lockRenewTime, locksLost, ready],
    );
  }

  /** A worker begins to run: what it is and does is reported from now on. */
  add(worker: Worker): void {
    if (this.#workers.has(worker)) return; // it runs again
    this.#forgetClosed(); // nobody may ask for metrics
    this.#workers.set(worker, false);
    this.#queues.add(worker.name);
    if (knowsLostLocks(worker)) {
      this.#lost.set(worker.name, this.#lost.get(worker.name) ?? 0);
      worker.on("lockRenewalFailed", (ids: string[]) => void harmless(() => this.#lose(worker, ids)));
      // A listener of errors would be one that handles them. Before there was the event above, this was all that told of it.
      worker.on(errorMonitor, (error: unknown) => void harmless(() => this.#loseBy(worker, error)));
    }
    // Later: it may be called by the constructor of the worker, which goes on then.
    void Promise.resolve()
      .then(() => worker.waitUntilReady())
      .then(() => {
        if (worker.closing) return;
        this.#workers.set(worker, true);
        return this.#options.flush();
      })
      .catch(() => {}); // it was closed before
  }

  /** Whatever may be thrown is emitted as an error. */
  #loseBy(worker: Worker, error: unknown): void {
    const [, id] = (error instanceof Error && /^could not renew lock for job (.+)$/.exec(error.message)) || [];
    if (id) this.#lose(worker, [id]);
  }

  /** A listener would not do: the application may remove all of them. */
  #forgetClosed(): void {
    for (const worker of this.#workers.keys()) if (worker.closed) this.#workers.delete(worker);
  }

  /** Locks of jobs that have just ended are gone for a good reason: those do not run any more. */
  #lose(worker: Worker, ids: string[]): void {
    const lost = this.#options.running.find(worker, ids.map(String)).filter((attempt) => attempt.loseLock());
    this.#lost.set(worker.name, (this.#lost.get(worker.name) ?? 0) + lost.length);
  }
}

/** What is set later does not show in the options, but in versions that know no other place. */
function concurrencyOf({ concurrency, opts }: Worker): number {
  return concurrency ?? opts.concurrency;
}

function renewsLocks({ opts }: Worker): boolean {
  return !opts.skipLockRenewal;
}

/** Early versions of BullMQ 5 ask for the renewal of locks and do not look at the answer. */
function knowsLostLocks(worker: Worker): boolean {
  return renewsLocks(worker) && Boolean(worker.lockManager ?? worker.scripts?.extendLocks);
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
