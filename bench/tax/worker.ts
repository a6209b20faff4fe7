// The workers of the tax benchmark, seen from outside: how they are started, and given jobs.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import { type JobsOptions, Queue } from "bullmq";
import { nextMessage } from "../harness/message.ts";
import type { ReceiverUrls } from "../harness/receiver.ts";
import type { HeapFigures, TaxOrder, TaxTurn } from "./child.ts";
import { RATE, type Variant } from "./plan.ts";

export interface TaxWorkerOptions {
  variant: Variant;
  /** Its built program. */
  entry: string;
  /** The program that runs it. */
  node: string;
  /** Of a Redis. */
  url: string;
  environment: Record<string, string>;
}

/** A job as it is added. */
export interface TaxJob {
  name: string;
  data: object;
  opts: JobsOptions;
}

/** A worker in a process of its own, with a queue of its own. */
export class TaxWorker {
  readonly variant: Variant;
  /** It has said that spans were lost. */
  hasLost = false;
  readonly #child: ChildProcess;
  readonly #queue: Queue;

  constructor({ variant, entry, node, url, environment }: TaxWorkerOptions) {
    this.variant = variant;
    const name = `tax-${process.pid}-${variant.name}`;
    this.#queue = new Queue(name, { connection: { url } });
    this.#child = fork(entry, [], {
      execPath: node,
      execArgv: [],
      stdio: ["ignore", "inherit", "pipe", "ipc"],
      env: { ...environment, ...variant.environment, QUEUE: name, QUEUE_URL: url },
    });
    this.#child.stderr?.on("data", (text) => {
      this.hasLost ||= /dropped \d+ spans/i.test(text);
      process.stderr.write(`${variant.name}: ${text}`);
    });
  }

  /** Waits until it takes jobs. */
  async ready(): Promise<void> {
    await this.#message();
  }

  /** Has all jobs waiting before it begins. */
  async runSaturated(jobs: number, job: TaxJob): Promise<TaxTurn> {
    await this.#queue.pause();
    for (let added = 0; added < jobs; added += 1_000) {
      await this.#queue.addBulk(Array.from({ length: Math.min(1_000, jobs - added) }, () => job));
    }
    await this.#order({ jobs, fromEnqueueing: false });
    const turn = this.#message<TaxTurn>(); // it may be said before the store has answered
    await this.#queue.resume();
    return turn;
  }

  /** Adds the jobs as the clock has it, evenly. */
  async runPaced(jobs: number, job: TaxJob): Promise<TaxTurn> {
    await this.#order({ jobs, fromEnqueueing: true });
    const turn = this.#message<TaxTurn>();
    const began = performance.now();
    const adding: Promise<unknown>[] = [];
    while (adding.length < jobs) {
      const due = Math.min(jobs, Math.ceil(((performance.now() - began) * RATE) / 1e3));
      while (adding.length < due) adding.push(this.#queue.add(job.name, job.data, job.opts));
      await setTimeout(1);
    }
    await Promise.all(adding);
    return turn;
  }

  /** Has it collect its garbage. */
  async heap(): Promise<HeapFigures> {
    const figures = this.#message<HeapFigures>();
    this.#child.send("heap");
    return figures;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode === null) {
      const exit = once(this.#child, "exit");
      this.#child.disconnect();
      await exit;
    }
    await this.#queue.obliterate({ force: true });
    await this.#queue.close();
  }

  async #order(order: TaxOrder): Promise<void> {
    const measuring = this.#message();
    this.#child.send(order);
    await measuring;
  }

  #message<T>(): Promise<T> {
    return nextMessage(this.#child, this.variant.name);
  }
}

/** What all workers are started with, whatever this process was. */
export function workerEnvironment(service: string, { otlp, profiles }: ReceiverUrls): Record<string, string> {
  return {
    ...{ PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", NO_PROXY: "127.0.0.1" },
    ...{ OTEL_SERVICE_NAME: service, OTEL_LOG_LEVEL: "warn" },
    ...{ OTEL_EXPORTER_OTLP_ENDPOINT: otlp, PYROSCOPE_SERVER_ADDRESS: profiles, PROFILE_TRACE_IDS_TO: profiles },
    // As in the stack.
    ...{ OTEL_BSP_SCHEDULE_DELAY: "200", OTEL_METRIC_EXPORT_INTERVAL: "1000" },
    // With the default of 2,048 some drop spans of a saturated queue.
    OTEL_BSP_MAX_QUEUE_SIZE: "65536",
    // By default the others ask the clouds where they are, outside of this machine.
    OTEL_NODE_RESOURCE_DETECTORS: "env,host,os,process,serviceinstance",
  };
}
