// What the jobs of the verdicts benchmark do, for real.
import { createRequire } from "node:module";
import { setTimeout } from "node:timers/promises";
import type { Job } from "bullmq";
import { stage } from "../../src/telemetry/stages.ts";
import type { Step, WorkerSetting } from "./types.ts";

/** Requests are seen where Node's own module is loaded as CommonJS loads it. */
const http = createRequire(import.meta.url)("node:http") as typeof import("node:http");

export interface StepsOptions {
  /** What `hash` and `render` do in a ms. */
  turnsPerMs: number;
  /** `http://host:port` of the service that is called. */
  serviceUrl: string;
}

type Work = (job: Job) => Promise<void>;

/** The processor of a worker's jobs. */
export function createSteps({ types }: Pick<WorkerSetting, "types">, options: StepsOptions): Work {
  optimize();
  return async (job) => {
    for (const step of types[job.name] ?? []) await take(step, job, options);
  };
}

async function take(step: Step, job: Job, { turnsPerMs, serviceUrl }: StepsOptions): Promise<void> {
  if ("cpuMs" in step) work[step.in ?? "render"](Math.round(step.cpuMs * turnsPerMs));
  else if ("callMs" in step)
    for (let call = 0; call < (step.times ?? 1); call++) await get(`${serviceUrl}/${step.callMs}`);
  else if ("timerMs" in step) await stage("work.poll", () => setTimeout(step.timerMs));
  else if ("documents" in step) collect(step.documents, step.live);
  else if ("objects" in step) make(step.objects, step.live);
  else if ("failing" in step) failFirst(job, step.failing);
  else await review(job);
}

const agent = new http.Agent({ keepAlive: true });

/** One request, and its whole answer. */
export function get(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { agent }, (response) => response.resume().on("end", resolve));
    request.on("error", reject);
  });
}

const work = { hash, render };

function hash(turns: number): number {
  let x = 1;
  for (let i = 0; i < turns; i++) x = (x * 31 + i) | 0;
  return x;
}

function render(turns: number): number {
  let x = 7;
  for (let i = 0; i < turns; i++) x = (x * 33 + i) | 0;
  return x;
}

/** Has both compiled for good: a loop that is entered once stays several times as slow until it is called again. */
function optimize(): void {
  for (let i = 0; i < 20_000; i++) {
    hash(200);
    render(200);
  }
}

const DOCUMENT = JSON.stringify(
  Array.from({ length: 200 }, (_, id) => ({ id, name: `row ${id}`, tags: [id, id + 1] })),
);

/** Reads documents, of which the newest are in use for a while, so that a collection has to move them. */
function collect(documents: number, live: number): number {
  const newest: { length: number }[] = [];
  let rows = 0;
  for (let index = 0; index < documents; index++) {
    const read = JSON.parse(DOCUMENT);
    newest[index % live] = read;
    rows += read.length;
  }
  return rows + newest.length;
}

/** Objects that are in use for a while, made at one place. */
function make(objects: number, live: number): number {
  const newest: { id: number; tags: number[] }[] = [];
  for (let id = 0; id < objects; id++) newest[id % live] = { id, tags: [id, id + 1, id + 2] };
  return newest.length;
}

/** What a worker keeps: so many 10^6 bytes of small objects. */
export function keep(mb: number): object[] {
  return Array.from({ length: mb * 1e4 }, (_, id) => ({ id, tags: [id, id + 1, id + 2] }));
}

/** A tenth of the jobs after the other, so that the failing ones are the same in every run. */
function failFirst({ attemptsMade, data }: Job, share: number): void {
  if (attemptsMade === 0 && data.index >= 0 && data.index % 10 < share * 10) throw new Error("the first attempt fails");
}

let reviewer: Promise<(job: Job) => Promise<unknown>> | undefined;

async function review(job: Job): Promise<void> {
  reviewer ??= loadReviewer();
  await (await reviewer)(job);
}

async function loadReviewer(): Promise<(job: Job) => Promise<unknown>> {
  const { createReviewer } = await import("../../src/app/review/review.ts");
  const { openReviewRoot } = await import("../../src/app/review/repository.ts");
  const { readSampleSettings } = await import("../../src/app/settings.ts");
  const review = createReviewer(await openReviewRoot(readSampleSettings()));
  return (job) => review(job.data);
}
