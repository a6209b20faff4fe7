import { errorMonitor } from "node:events";
import { type Meter, ValueType } from "@opentelemetry/api";
import * as names from "../names.ts";
import type { Worker } from "../spans/bullmq_types.ts";
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
        for (const queue of new Set([...this.#workers.keys()].map(({ name }) => name))) {
          const attributes = { [names.MESSAGING_DESTINATION_NAME]: queue };
          const workers = [...this.#workers].filter(([{ name }]) => name === queue);
          const all = workers.map(([worker]) => worker);
          const least = (of: (worker: Worker) => number) => Math.min(...all.map(of)) / 1e3;
          result.observe(concurrency, sum(all.map(concurrencyOf)), attributes);
          result.observe(ready, workers.some(([, isReady]) => isReady) ? 1 : 0, attributes);
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
    this.#workers.set(worker, false);
    worker.on("closed", () => this.#workers.delete(worker));
    if (knowsLostLocks(worker)) {
      this.#lost.set(worker.name, this.#lost.get(worker.name) ?? 0);
      worker.on("lockRenewalFailed", (ids: string[]) => this.#lose(worker, ids));
      // A listener of errors would be one that handles them. Before there was the event above, this was all that told of it.
      worker.on(errorMonitor, ({ message }: Error) => {
        const [, id] = /^could not renew lock for job (.+)$/.exec(message) ?? [];
        if (id) this.#lose(worker, [id]);
      });
    }
    // Later: it may be called by the constructor of the worker, which goes on then.
    void Promise.resolve()
      .then(() => worker.waitUntilReady())
      .then(() => {
        if (!this.#workers.has(worker)) return;
        this.#workers.set(worker, true);
        return this.#options.flush();
      })
      .catch(() => {}); // it was closed before
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

/** BullMQ before 5.3x asks for the renewal of all locks at once, and does not look at what is answered. */
function knowsLostLocks(worker: Worker): boolean {
  return renewsLocks(worker) && Boolean(worker.lockManager ?? worker.scripts?.extendLocks);
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
