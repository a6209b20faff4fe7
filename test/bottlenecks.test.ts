import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { execa } from "execa";
import { readSpans } from "../src/otlp/read_spans.ts";
import { SpanKind } from "../src/otlp/types.ts";
import { currentRuntime } from "../src/settings/runtime.ts";
import { type Checkout, makeCheckout, nothingIsLeft } from "./checkout.ts";
import { interrupted } from "./endless_load.ts";
import { createTestRoot } from "./review_repository.ts";

/** Profiles come soon after the load. */
const QUICK = { PYROSCOPE_FLUSH_INTERVAL_MS: "2000" };

/** A checkout, and a repository with three commits that its load reviews. */
async function prepare(): Promise<{ checkout: Checkout; root: string; heads: string[]; close(): Promise<void> }> {
  const root = await createTestRoot();
  const { commit } = await root.repository(".");
  const source = "export const f = (a: any) => { if (a == 1) debugger; };\n".repeat(100);
  const heads = [];
  for (const name of ["a.ts", "b.ts", "c.ts"]) heads.push(await commit({ [name]: source }));
  const checkout = await makeCheckout();
  return {
    checkout,
    root: root.path,
    heads,
    async close() {
      await checkout.close();
      await root.remove();
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: a file is read back
const readRun = (folder: string): any => JSON.parse(readFileSync(join(folder, "run.json"), "utf8"));
const folderOf = ({ folder }: Checkout, { run }: { run: { id: string } }) => join(folder, ".prodlike/runs", run.id);
const folders = ({ folder }: Checkout) => {
  const runs = join(folder, ".prodlike/runs");
  return existsSync(runs) ? readdirSync(runs).map((id) => join(runs, id)) : [];
};

/** A gate is red where requests are refused, with their reasons, whatever threshold holds; what may be secret is said nowhere. */
async function refusalsFail(checkout: Checkout, settings: Record<string, string>): Promise<void> {
  const url = `http://somebody:s3cret1@127.0.0.1:${checkout.environment.API_PORT}/reviews?token=s3cret2`;
  const bad = `POST ${url} {"base":"nowhere"}`;
  const refused = /POST http:\/\/127\.0\.0\.1:\d+\/reviews\?token=\.\.\. answered 422: Cannot find base "nowhere"/;
  const load = { ...settings, JOBS: "4", MAX_P95_MS: "600000" };
  const some = await checkout.run("bottlenecks", { ...load, WARMUP: "0", JOB_REQUEST: `POST ${url} {}\n${bad}` });
  const all = await checkout.run("bottlenecks", { ...load, WARMUP: "1", JOB_REQUEST: bad });
  for (const [{ code, stdout, stderr }, reason] of [
    [some, "2 of 4 jobs failed or were refused"],
    [all, "no job of the warm-up was completed, of 1"],
  ] as const) {
    assert.equal(code, 1, stderr);
    assert.match(stdout, new RegExp(`^Failed: ${reason}: ${refused.source}`));
    assert.doesNotMatch(stdout + stderr, /s3cret/);
  }
  const folder = folders(checkout).at(-1)!;
  for (const file of ["run.json", "report.json", "report.md", "report.html"])
    assert.doesNotMatch(readFileSync(join(folder, file), "utf8"), /s3cret/, file);
}

test("make bottlenecks records a whole run from nothing and leaves nothing else behind", async () => {
  const { checkout, root, heads, close } = await prepare();
  try {
    const arguments_ = ["JOBS=7", "WARMUP=2", "JSON=1"];
    const make = await execa("make", ["-s", "bottlenecks", ...arguments_], {
      cwd: checkout.folder,
      env: { ...checkout.environment, ...QUICK, REVIEW_ROOT: root },
      reject: false,
    });
    assert.equal(make.exitCode, 2, make.stderr);
    const report = JSON.parse(make.stdout);
    assert.deepEqual(
      [report.outcome, report.reasons],
      ["nothing can be said", ["only 7 attempts of jobs ended, 10 are needed"]],
    );
    const folder = folderOf(checkout, report);
    assert.equal(report.verdict, "Nothing can be said: only 7 attempts of jobs ended, 10 are needed");
    assert.deepEqual(
      report.jobs.map(({ name, count }: { name: string; count: number }) => [name, count]),
      [["review", 7]],
    );
    assert.deepEqual([report.findings, report.broken], [[], []]);
    assert.match(make.stderr, /^report: .*report\.html$/m);
    assert.deepEqual(JSON.parse(readFileSync(join(folder, "report.json"), "utf8")).verdict, report.verdict);
    assert.match(readFileSync(join(folder, "report.md"), "utf8"), /Nothing can be said/);
    assert.match(readFileSync(join(folder, "report.html"), "utf8"), /^<!doctype html>/i);
    assert.match(make.stderr, /warming up: 2 jobs\n(?:.* done .*\n)*recording reviews of the last 3 commits/);
    const isNode = currentRuntime === "node"; // the profiles of Deno do not tell of jobs
    const reports = ["report.html", "report.json", "report.md"];
    const profiles = isNode ? ["profiles"] : [];
    const files = ["collector.log", "metrics.jsonl", ...profiles, ...reports, "run.json", "traces.jsonl"];
    assert.deepEqual(readdirSync(folder).sort(), files);
    if (isNode) assert.deepEqual(readdirSync(join(folder, "profiles")).sort(), ["prodlike-api", "prodlike-worker"]);
    const run = readRun(folder);
    const { summary, failures, slowest, cutOff } = run.load;
    assert.deepEqual(
      [summary.kind, summary.sent, summary.completed, summary.failed, summary.unfinished],
      ["closed", 7, 7, 0, 0],
    );
    assert.deepEqual([failures, slowest.length, cutOff], [[], 7, undefined]);
    assert.deepEqual(
      isNode ? [] : ["functions"],
      run.notMeasured.map(({ what }: { what: string }) => what),
    );
    assert.ok(run.limits.length > 0);
    for (const service of ["prodlike-api", "prodlike-worker"]) assert.equal(run.spanAccounting[service].pending, 0);

    // All spans of these jobs, none of the warm-up, and none of what looks at the jobs.
    const jobs: string[] = [];
    const reviewed: string[] = [];
    let requests = 0;
    for await (const span of readSpans([join(folder, "traces.jsonl")])) {
      if (span.kind === SpanKind.CONSUMER) jobs.push(String(span.attributes["messaging.message.id"]));
      if (span.kind === SpanKind.SERVER) requests++;
      if (span.name === "review.diff") reviewed.push(String(span.attributes["review.head"]));
    }
    assert.deepEqual(jobs.sort(), slowest.map(({ id }: { id: string }) => id).sort());
    assert.equal(requests, 7);
    const newestFirst = [...heads].reverse();
    assert.deepEqual(reviewed.sort(), [0, 1, 2, 0, 1, 2, 0].map((index) => newestFirst[index]).sort());
    await nothingIsLeft(checkout);

    const again = await checkout.run("bottlenecks", { RUN: "latest", JSON: "1" });
    assert.equal(again.code, 2, again.stderr);
    assert.equal(folderOf(checkout, JSON.parse(again.stdout)), folder);
    const broken = await checkout.run("bottlenecks", { RUN: "latest", MAX_P95_MS: "1", JSON: "1" });
    assert.equal(broken.code, 1, broken.stderr);
    assert.match(JSON.parse(broken.stdout).broken.join(), /^MAX_P95_MS: review takes \d+ ms at p95, more than 1$/);
    const compared = await checkout.run("compare", { A: report.run.id, B: "latest" });
    assert.deepEqual([compared.code, compared.stderr], [2, ""]);
    assert.match(
      compared.stdout,
      /^Nothing can be said: only 7 attempts .*\n {2}also: A, .*\nNothing can be said: no job type .*\nA (\S+) {2}B \1\n/,
    );
    // Cut in the middle of a line, as by a full disk: what is there counts, and what is missing is said.
    truncateSync(join(folder, "traces.jsonl"), statSync(join(folder, "traces.jsonl")).size - 1_000);
    const cut = await checkout.run("bottlenecks", { RUN: "latest", JSON: "1" });
    assert.equal(cut.code, 2, cut.stderr);
    const { jobs: whole, notMeasured } = JSON.parse(cut.stdout);
    const missing = notMeasured.some(({ what }: { what: string }) => what === "all jobs");
    assert.equal(missing, whole[0]?.count < 7);
    assert.doesNotMatch(cut.stderr, /^ {4}at /m);
    const refusals: [Record<string, string>, RegExp][] = [
      [
        { RUN: "../../etc" },
        /^error: Cannot use RUN="..\/..\/etc": there is no such run in .*\nnext: {2}RUN=latest, or as RUN=2/,
      ],
      [{ RATE: "fast" }, /^error: Cannot use RATE="fast": jobs a second are wanted/],
      [{ REVIEW_ROOT: checkout.folder.replace(/[^/]+$/, "") }, /^error: Cannot find commits to review in REVIEW_ROOT=/],
    ];
    for (const [settings, message] of refusals) {
      const refused = await checkout.run("bottlenecks", settings);
      assert.equal(refused.code, 2);
      assert.match(refused.stderr, message);
    }
    assert.equal(folders(checkout).length, 1);
  } finally {
    await close();
  }
});

test("make sweep records a run for each concurrency, and leaves nothing else behind", async () => {
  const { checkout, root, close } = await prepare();
  try {
    const settings = { REVIEW_ROOT: root, JOBS: "3", WARMUP: "1", PROFILING: "off", JSON: "1" };
    const ran = await checkout.run("sweep", { ...settings, LADDER: "1,3" });
    assert.equal(ran.code, 2, ran.stderr);
    const { outcome, rows, advice } = JSON.parse(ran.stdout);
    assert.equal(outcome, "nothing can be said");
    assert.deepEqual(
      rows.map(({ concurrency, jobs, failed }: Record<string, number>) => [concurrency, jobs, failed]),
      [
        [1, 3, 0],
        [3, 3, 0],
      ],
    );
    assert.match(advice, /^Nothing can be recommended: three steps/);
    assert.match(ran.stderr, /^step 1 of 2: WORKER_CONCURRENCY=1\n(?:.*\n)*step 2 of 2: WORKER_CONCURRENCY=3\n/);
    assert.deepEqual(
      folders(checkout).map((folder) => readRun(folder).worker.concurrency),
      [1, 3],
    );
    await nothingIsLeft(checkout);
  } finally {
    await close();
  }
});

test("bottlenecks leaves a stack that is up as it was found, with and without limits, also after Ctrl-C", async () => {
  const { checkout, root, close } = await prepare();
  const settings = { REVIEW_ROOT: root, WARMUP: "2", WORKER_CONCURRENCY: "8" };
  try {
    assert.equal((await checkout.run("otel_up", settings)).code, 0);
    const before = checkout.state()!.parts;
    const other = { ...settings, LIMITS: "off", WORKER_CONCURRENCY: "3" };
    const off = await checkout.run("bottlenecks", { ...other, JOBS: "4", RATE: "20", JSON: "1" });
    assert.equal(off.code, 2, off.stderr);
    assert.deepEqual(checkout.state()!.parts, before);
    const open = readRun(folderOf(checkout, JSON.parse(off.stdout)));
    assert.deepEqual([open.load.summary.kind, open.load.summary.lateness.samples, open.limits], ["open", 4, null]);
    // Of the worker that is up, not of the command.
    const { concurrency, lockDurationMs, lockRenewMs, isReady } = open.worker;
    assert.deepEqual([concurrency, lockDurationMs, lockRenewMs, isReady], [8, 15_000, 2_000, true]);
    assert.deepEqual(open.notMeasured, [{ what: "functions", reason: "the worker runs with PROFILING=off" }]);

    await refusalsFail(checkout, { ...settings, LIMITS: "off" });
    let during: string | undefined;
    const ran = await interrupted(checkout, { ...settings, JSON: "1" }, (pid) => {
      during = JSON.stringify(checkout.state()!.parts.worker!.limited);
      process.kill(pid, "SIGINT");
    });
    assert.equal(ran.code, 130, ran.stderr);
    assert.ok(during, "the worker was not limited meanwhile");
    assert.match(ran.stderr, /\ncut off: ended by Ctrl-C\n/);
    const { load, limits } = readRun(folderOf(checkout, JSON.parse(ran.stdout)));
    assert.equal(load.cutOff, "ended by Ctrl-C");
    assert.ok(limits.length > 0 && load.summary.sent === load.summary.completed + load.summary.unfinished);
    const { worker, ...others } = checkout.state()!.parts;
    const { worker: old, ...same } = before;
    assert.deepEqual(others, same);
    assert.deepEqual([worker?.ready, worker?.settings, worker?.limited], [true, old?.settings, undefined]);
    assert.notEqual(worker?.pid, old?.pid);

    assert.equal((await checkout.run("worker_prodlike", settings)).code, 0);
    const refused = await checkout.run("bottlenecks", { ...settings, LIMITS: "off" });
    assert.deepEqual(
      [refused.code, /^error: .*/.exec(refused.stderr)?.[0]],
      [2, "error: Cannot use LIMITS=off: the worker that is up runs under its limits"],
    );
    assert.equal((await checkout.run("bottlenecks", { ...settings, JOBS: "10" })).code, 0);
    assert.ok(checkout.state()!.parts.worker?.limited);
    assert.equal((await checkout.run("otel_down")).code, 0);
    await nothingIsLeft(checkout);
  } finally {
    await close();
  }
});

test("bottlenecks keeps the run when its worker dies, and ends at once at a second Ctrl-C", async () => {
  const { checkout, root, close } = await prepare();
  const settings = { REVIEW_ROOT: root, WARMUP: "2", PROFILING: "off" };
  try {
    const ran = await interrupted(checkout, { ...settings, RATE: "5" }, () => {
      process.kill(checkout.state()!.parts.worker!.pid, "SIGKILL");
    });
    assert.equal(ran.code, 1, ran.stderr);
    assert.match(ran.stderr, /\ncut off: the worker has ended with SIGKILL/);
    assert.match(ran.stdout, /^Failed: the worker has ended with SIGKILL\n/);
    const [folder] = folders(checkout);
    assert.match(readRun(folder!).load.cutOff, /SIGKILL/);
    assert.match(readFileSync(join(folder!, "report.html"), "utf8"), /Failed: the worker has ended with SIGKILL/);
    await nothingIsLeft(checkout);

    // The worker is stopped, so nothing arrives any more: who waits for that ends it by a second Ctrl-C.
    const killed = await interrupted(checkout, settings, async (pid, isPrinted) => {
      const worker = checkout.state()!.parts.worker!.pid;
      process.kill(worker, "SIGSTOP");
      process.kill(pid, "SIGINT");
      await isPrinted(/waiting for what the last jobs have left/);
      process.kill(pid, "SIGINT");
      process.kill(worker, "SIGCONT");
    });
    assert.equal(killed.signal, "SIGINT", killed.stderr);
    assert.equal(folders(checkout).length, 1);
    await nothingIsLeft(checkout);
  } finally {
    await close();
  }
});
