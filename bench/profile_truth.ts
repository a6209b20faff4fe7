// Whether profiles tell the truth: `make bench PART=profile_truth`, about 20 s. 20 jobs of 400 ms CPU run two at a time in a
// real worker, beside one that only waits. The truth is the scheduler's clock of the thread, read around each piece of work
// (Linux; elsewhere that of the process). Each job works in a function of its own name, so that the stack of a sample tells
// whose it is, whatever its labels say. JSON=1 prints the rows.
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startCollector } from "../src/collector/collector.ts";
import { profilesIn } from "../src/sources/profile_files.ts";
import { type ProfileSample, readProfile } from "../src/sources/read_profile.ts";
import { startProgram } from "../test/program.ts";
import { startTestStore } from "../test/store.ts";

const JOBS = 20;
const CPU_MS = 400;
const WORKLOAD = `${JOBS} jobs of ${CPU_MS} ms CPU, two at a time, beside one that waits`;

/** What a job did, by its own account: the function it worked in, its span, and the time of the CPU. */
interface Truth {
  work: string;
  spanId: string;
  cpuMs: number;
}

const program = (url: string) => `
  const { readFileSync } = await import("node:fs");
  const { setTimeout: sleep, setImmediate: next } = await import("node:timers/promises");
  const { trace } = await import("@opentelemetry/api");
  const { createPostgresBackend, Queue, Worker } = await import("bullmq");
  const clock = () => process.platform === "linux"
    ? Number.parseInt(readFileSync("/proc/thread-self/schedstat", "latin1"), 10) / 1e6
    : process.cpuUsage().user / 1e3;
  const options = { connection: { connectionString: "${url}", migrate: true } };
  const queue = new Queue("truth", options, createPostgresBackend);
  const work = (name) => new Function(\`return function \${name}(until) { let n = 0; while (performance.now() < until) n++; return n; }\`)();
  const pauses = [() => next(), () => null, () => sleep(1), () => new Promise((done) => process.nextTick(done))];
  const process_ = async (job) => {
    const spanId = trace.getActiveSpan().spanContext().spanId;
    if (job.name === "wait") {
      for (let i = 0; i < 200; i++) await sleep(20);
      return { work: "none", spanId, cpuMs: 0 };
    }
    const run = work("burn_" + job.data.n);
    let cpuMs = 0;
    for (let i = 0; cpuMs < ${CPU_MS}; i++) {
      const before = clock();
      run(performance.now() + 1 + (i % 7));
      cpuMs += clock() - before;
      await pauses[i % pauses.length]();
    }
    return { work: "burn_" + job.data.n, spanId, cpuMs };
  };
  const worker = new Worker("truth", process_, { ...options, concurrency: 3 }, createPostgresBackend);
  await queue.add("wait", {}, { priority: 1 });
  for (let n = 0; n < ${JOBS}; n++) await queue.add("burn", { n }, { priority: 2 });
  const results = [];
  await new Promise((done) => worker.on("completed", (job, result) => {
    results.push(result);
    if (results.length === ${JOBS + 1}) done();
  }));
  console.log(JSON.stringify(results));
  await worker.close();
  await queue.close();`;

const folder = mkdtempSync(join(tmpdir(), "prodlike-bench-"));
const collector = await startCollector({ folder, port: 0, profiles: { port: 0 } });
const store = await startTestStore();
const child = startProgram(
  program(store.url),
  {
    OTEL_ENABLED: "true",
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    PROFILING: "on",
    PYROSCOPE_SERVER_ADDRESS: collector.profilesUrl ?? "",
    PYROSCOPE_FLUSH_INTERVAL_MS: "2000", // so that several lie between
  },
  "node",
);
child.stderr?.pipe(process.stderr);
let output = "";
child.stdout?.on("data", (text) => {
  output += text;
});
await once(child, "close");
const truths: Truth[] = JSON.parse(output);
const files = profilesIn(join(folder, "profiles"), { fromMs: 0, untilMs: Number.POSITIVE_INFINITY });
const samples = files.flatMap(({ path }) => readProfile(path)).filter(({ values }) => "cpu" in values);
await store.close();
await collector.close();
rmSync(folder, { recursive: true });

const cpuMs = (of: ProfileSample[]) => of.reduce((sum, { values }) => sum + (values.cpu ?? 0) / 1e6, 0);
const spanOf = new Map(truths.map(({ work, spanId }) => [work, spanId]));
const workOf = ({ stack }: ProfileSample) => stack.find(({ name }) => name.startsWith("burn_"))?.name;
const burning = samples.filter((sample) => workOf(sample));
const wrong = burning.filter((sample) => sample.labels.span_id !== spanOf.get(workOf(sample) ?? ""));
const truthMs = truths.reduce((sum, truth) => sum + truth.cpuMs, 0);
const labelled = (job: string) => cpuMs(samples.filter(({ labels }) => labels.job === job));
const rows = [
  { part: "cpu of burn, by label", truth_ms: truthMs, measured_ms: labelled("burn"), within: 0.1 * truthMs },
  { part: "cpu of wait, by label", truth_ms: 0, measured_ms: labelled("wait"), within: 0.02 * truthMs },
  { part: "cpu with another's span", truth_ms: 0, measured_ms: cpuMs(wrong), within: 0.02 * truthMs },
].map(({ within, ...row }) => ({ workload: WORKLOAD, ...row, ok: Math.abs(row.measured_ms - row.truth_ms) <= within }));
if (process.env.JSON === "1") {
  console.log(JSON.stringify(rows));
} else {
  console.log(
    `${WORKLOAD}; ${burning.length} samples of its work, ${wrong.length} with another's span, ${files.length} profiles`,
  );
  for (const { part, truth_ms, measured_ms, ok } of rows) {
    console.log(
      `${part.padEnd(24)} ${measured_ms.toFixed(1)} ms, truth ${truth_ms.toFixed(1)} ms  ${ok ? "ok" : "NOT OK"}`,
    );
  }
}
process.exitCode = rows.every(({ ok }) => ok) ? 0 : 1;
