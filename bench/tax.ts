// What telemetry costs a job: `make bench PART=tax`, about 12 minutes, or 2 with SIZE=smoke; JSON=1 prints one object. CPU is that
// of the worker's process, its ratio to plain BullMQ is taken round by round. The store is QUEUE_URL, a Redis that may be
// emptied, else a redis-server from the PATH. NODE=22 and NODE=24 measure those.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { type JobsOptions, Queue } from "bullmq";
import { execa } from "execa";
import { startCollector } from "../src/collector/collector.ts";
import { ROOT } from "../src/config.ts";
import { startTestRedis } from "../test/store.ts";
import { median, ratioOf } from "./ratio.ts";
import { turnsOf } from "./tax_workloads.ts";

/** Telemetry of the worker; each adds to the one before. */
const VARIANTS: Record<string, Record<string, string>> = {
  bare: {},
  off: {},
  traced: { OTEL_ENABLED: "true", PRODLIKE_LEDGER: "off" },
  ledger: { OTEL_ENABLED: "true" },
};
interface Load {
  workload: "no-op" | "cpu-5ms" | "review";
  load: "saturated" | "paced";
  warmUp: number;
  jobs: number;
}
const isSmoke = process.env.SIZE === "smoke";
const ROUNDS = isSmoke ? 2 : 5;
const scale = isSmoke ? 0.25 : 1;
const LOADS: Load[] = [
  { workload: "no-op", load: "saturated", warmUp: 3_000, jobs: 30_000 * scale },
  { workload: "no-op", load: "paced", warmUp: 2_000, jobs: 10_000 * scale },
  { workload: "cpu-5ms", load: "saturated", warmUp: 100, jobs: 800 * scale },
  { workload: "review", load: "saturated", warmUp: 5, jobs: 60 * scale },
];
/** Jobs a second when paced. */
const RATE = 2_000;
/** What a traced API would have put into the job. */
const traced = { telemetry: { metadata: '{"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}' } };

/** What a worker has measured of itself. */
interface Figures {
  cpuUsPerJob: number;
  jobsPerSecond: number;
  p99Ms: number;
  rssMb: number;
}

const redis = process.env.QUEUE_URL ? undefined : await startTestRedis();
const url = process.env.QUEUE_URL ?? redis?.url;
if (!url) {
  process.stderr.write("error: Cannot measure: QUEUE_URL is not set, and no redis-server is on the PATH\n");
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), "prodlike-bench-"));
const collector = await startCollector({ folder, port: 0 });
const queue = new Queue("tax", { connection: { url } });
const turns = turnsOf(5);
const revisions = await lastCommits();
try {
  const rows = [];
  for (const load of LOADS) rows.push(...(await measure(load)));
  const machine = `${cpus().length} x ${cpus()[0]?.model}, ${process.platform} ${process.arch}`;
  if (process.env.JSON === "1") console.log(JSON.stringify({ ok: true, store: "redis", machine, rows }));
} finally {
  await queue.close();
  await collector.close();
  redis?.child.kill();
  rmSync(folder, { recursive: true });
}

/** All variants of one load, interleaved. */
async function measure(load: Load) {
  const figures = new Map<string, Figures[]>(Object.keys(VARIANTS).map((variant) => [variant, []]));
  for (let round = 1; round <= ROUNDS; round++) {
    for (const [variant, each] of figures) each.push(await runWorker(variant, load));
    process.stderr.write(`${load.workload}, ${load.load}: round ${round} of ${ROUNDS}\n`);
  }
  const cpu = (variant: string) => figures.get(variant)!.map(({ cpuUsPerJob }) => cpuUsPerJob);
  return [...figures].map(([variant, each]) => {
    const row = {
      ...{ node: process.versions.node, workload: load.workload, load: load.load, variant },
      ...{ cpu_us_per_job: median(cpu(variant)), ...ratioOf(cpu(variant), cpu("bare")), rounds: ROUNDS },
      jobs_per_second: median(each.map(({ jobsPerSecond }) => jobsPerSecond)),
      p99_ms: median(each.map(({ p99Ms }) => p99Ms)),
      rss_mb: median(each.map(({ rssMb }) => rssMb)),
    };
    if (process.env.JSON !== "1") console.log(line(row));
    return row;
  });
}

async function runWorker(variant: string, { workload, load, warmUp, jobs }: Load): Promise<Figures> {
  await queue.obliterate({ force: true });
  const child = fork(join(ROOT, "bench/tax_child.ts"), [], {
    execArgv: ["--import", "tsx/esm"],
    env: {
      ...{ PATH: process.env.PATH, HOME: process.env.HOME, VARIANT: variant, WORKLOAD: workload, QUEUE_URL: url },
      ...{ JOBS: String(jobs), WARM_UP: String(warmUp), REVIEW_ROOT: ROOT, TURNS: String(turns) },
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_METRIC_EXPORT_INTERVAL: "1000",
      OTEL_BSP_SCHEDULE_DELAY: "200",
      ...VARIANTS[variant],
    },
  });
  await message(child); // it is ready
  const data = workload === "review" ? revisions : {};
  const options = { removeOnComplete: true, ...(VARIANTS[variant]!.OTEL_ENABLED ? traced : {}) };
  if (load === "paced") child.send("go");
  await add({ count: warmUp + jobs, data, options, rate: load === "paced" ? RATE : Infinity });
  if (load === "saturated") child.send("go");
  const figures = await message<Figures>(child);
  child.disconnect();
  await once(child, "exit");
  return figures;
}

interface Adding {
  count: number;
  data: object;
  options: JobsOptions;
  /** Jobs a second. */
  rate: number;
}

async function add({ count, data, options, rate }: Adding): Promise<void> {
  const began = performance.now();
  for (let added = 0; added < count; ) {
    const due = Math.min(count, Math.floor(((performance.now() - began) * rate) / 1e3));
    const size = Math.min(1_000, due - added);
    if (size > 0) await queue.addBulk(Array.from({ length: size }, () => ({ name: "work", data, opts: options })));
    else await new Promise((resolve) => setTimeout(resolve, 5));
    added += Math.max(0, size);
  }
}

/** What the child says next. */
async function message<T>(child: ChildProcess): Promise<T> {
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`Cannot measure: the worker ended with exit code ${code}`);
  });
  const [said] = await Promise.race([once(child, "message"), ended]);
  return said;
}

/** The default review: the last commits of this checkout. */
async function lastCommits() {
  const id = async (revision: string) => (await execa("git", ["-C", ROOT, "rev-parse", revision])).stdout;
  return { repository: ".", base: await id("HEAD~3"), head: await id("HEAD") };
}

function line(row: Record<string, string | number>): string {
  const number = (key: string, digits: number) => Number(row[key]).toFixed(digits);
  return [
    `${row.workload}, ${row.load}`.padEnd(18),
    String(row.variant).padEnd(8),
    `${number("cpu_us_per_job", 1)} us`.padStart(12),
    `x ${number("ratio", 3)} (${number("low", 3)}-${number("high", 3)})`.padStart(24),
    `${number("jobs_per_second", 0)} jobs/s`.padStart(14),
    `p99 ${number("p99_ms", 0)} ms`.padStart(12),
    `${number("rss_mb", 0)} MB`,
  ].join("  ");
}
