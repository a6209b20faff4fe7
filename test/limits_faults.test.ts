import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { execa } from "execa";
import { RETRIED_WITHIN_MS } from "../src/app/job_lock.ts";
import { cgroupPlaces } from "../src/cgroup.ts";
import { findMechanism } from "../src/limits/mechanism.ts";
import { readPoints } from "../src/otlp/read_points.ts";
import { readWorkerFacts } from "../src/otlp/read_worker_facts.ts";
import { currentRuntime } from "../src/settings/runtime.ts";
import { serverUser } from "../src/stack/postgres_programs.ts";
import type { PartState } from "../src/stack/state.ts";
import { waitFor } from "../src/wait_for.ts";
import { finish, makeCheckout } from "./checkout.ts";
import { type ReviewingStack, withStack } from "./reviewing_stack.ts";

/** Runs where a mechanism limits CPUs and memory, and says which it was. */
function limitedTest(
  name: string,
  settings: Record<string, string>,
  run: (stack: ReviewingStack, t: TestContext) => Promise<void>,
) {
  test(name, async (t) => {
    const mechanism = findMechanism({
      uid: process.getuid?.(),
      platform: process.platform,
      path: process.env.PATH ?? "",
    });
    if (mechanism.name === "V8 flags") return t.skip(`SKIPPED: no cgroups: ${mechanism.reason}`);
    if (currentRuntime === "deno")
      return t.skip("SKIPPED: what the test makes the worker do is loaded by NODE_OPTIONS");
    t.diagnostic(`enforced by ${mechanism.name}`);
    const folder = mkdtempSync(join(tmpdir(), "prodlike-test-"));
    chmodSync(folder, 0o755);
    try {
      // A worker that does something else beside its jobs, when it is asked to.
      writeFileSync(join(folder, "hog.mjs"), HOG_SOURCE);
      const { HOG = "", V8_FLAGS = "", ...rest } = settings;
      const WORKER_ENV = `HOG=${HOG} NODE_OPTIONS="--import=${join(folder, "hog.mjs")} ${V8_FLAGS}"`;
      await withStack({ ...rest, WORKER_ENV }, (stack) => run(stack, t));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

const HOG_SOURCE = `
const kept = [];
const buffers = () => { kept.push(Buffer.alloc(16 * 2 ** 20, 1)); setTimeout(buffers, 5); };
const objects = () => { for (let i = 0; i < 1e5; i++) kept.push({ i, text: "x" + i }); setImmediate(objects); };
const spin = () => {
  const [began, before] = [performance.now(), process.cpuUsage()];
  while (performance.now() - began < 10_000);
  const { user, system } = process.cpuUsage(before);
  console.log("hog used " + (user + system) / 1e3 / (performance.now() - began) + " CPUs");
};
process.on("SIGUSR2", () => ({ buffers, objects, spin })[process.env.HOG]());
`;

/** Makes the worker allocate while jobs run, and waits until its death is explained. */
async function killByMemory(
  stack: ReviewingStack,
  t: TestContext,
): Promise<{ death: NonNullable<PartState["death"]>; running: string }> {
  const { id } = await stack.post("large");
  await stack.untilRunning(id);
  process.kill(stack.pid("worker"), "SIGUSR2");
  const dead = async () => {
    const { death, exit } = stack.checkout.state()?.parts.worker ?? {};
    return death && { death, tookMs: Date.now() - Date.parse(exit!.at) };
  };
  const { death, tookMs } = await waitFor(dead, "the worker's death", { timeoutMs: 30_000, everyMs: 20 });
  t.diagnostic(`explained ${tookMs} ms after it: ${[death.what, ...death.facts].join("; ")}`);
  return { death, running: id };
}

limitedTest(
  "a worker that allocates more than its memory is explained as an OOM kill, and its jobs are run again",
  { PRODLIKE_MEMORY: "256m", HOG: "buffers", V8_FLAGS: "--max-old-space-size=1024" },
  async (stack, t) => {
    await stack.run("worker_prodlike");
    const { death, running } = await killByMemory(stack, t);
    assert.equal(death.kind, "oom-kill");
    assert.match(death.what, /out of memory under a limit of 256 MiB \(exit code 137\)/);
    assert.ok(
      death.facts.some((fact) => fact.startsWith("jobs that were running: ") && fact.includes(running)),
      String(death.facts),
    );
    assert.ok(
      death.facts.some((fact) => /^memory: .* peak 256 MiB$/.test(fact)),
      String(death.facts),
    );
    assert.match((await stack.run("otel_up")).stderr, /SIGKILL.*\n +The kernel killed the worker: out of memory/);
    await stack.allDone();
  },
);

limitedTest(
  "a worker whose heap is full is explained as V8's limit, and its jobs are run again",
  { PRODLIKE_MEMORY: "1g", HOG: "objects", V8_FLAGS: "--max-old-space-size=128" },
  async (stack, t) => {
    await stack.run("worker_prodlike");
    const { death } = await killByMemory(stack, t);
    assert.equal(death.kind, "heap-limit");
    assert.ok(
      death.facts.some((fact) => /^gc at .* ms: .*MB/.test(fact)),
      String(death.facts),
    );
    await stack.run("otel_up");
    await stack.allDone();
  },
);

limitedTest(
  "a busy worker gets the CPUs that it was given, by its own clock",
  { PRODLIKE_CPUS: "0.5", HOG: "spin" },
  async (stack, t) => {
    const { stdout } = await stack.run("worker_prodlike");
    assert.match(stdout, /cpus +asked 0\.5, host \d+, enforced 0\.5, by /);
    const folder = cgroupPlaces({ pid: stack.pid("worker") }).cpu!.folder;
    const throttled = () =>
      Number(/^(?:throttled_time|throttled_usec) (\d+)/m.exec(readFileSync(join(folder, "cpu.stat"), "utf8"))![1]);
    const before = throttled();
    process.kill(stack.pid("worker"), "SIGUSR2");
    const used = () => /hog used ([\d.]+) CPUs/.exec(stack.log("worker"))?.[1];
    const share = Number(await waitFor(async () => used(), "the figure", { timeoutMs: 30_000 }));
    t.diagnostic(
      `0.5 CPUs asked, ${share.toFixed(3)} used in 10 s; throttled for ${((throttled() - before) / 1e9).toFixed(2)} s`,
    );
    assert.ok(share > 0.2 && share < 0.6, String(share)); // a busy machine gives less
    assert.ok(throttled() > before);
  },
);

limitedTest("limits that cannot bind are said; no job is lost or run twice by the change", {}, async (stack) => {
  const posted = await Promise.all(Array.from({ length: 100 }, () => stack.post("small")));
  assert.ok(posted.every(({ status }) => status === 202));
  const { stdout } = await stack.run("worker_prodlike");
  if (cpus().length < 3) assert.match(stdout, /cpus +asked 3\.0, host \d, enforced 3\.0 \(not binding\), by .*\n/);
  assert.match(stdout, /enforced heap_size_limit \d+ MB\n +command +asked dist\/worker.js, enforced dist\/worker.js\n/);
  assert.doesNotMatch(stdout, /from inside/); // the worker sees what the kernel says
  await stack.allDone();
  assert.deepEqual(await stack.attempts(), [1]);
  assert.match((await stack.run("otel_up")).stdout, /nothing was changed/);
  const { run } = JSON.parse((await stack.checkout.run("verify", { JSON: "1", REVIEW_ROOT: stack.root.path })).stdout);
  const recorded = JSON.parse(readFileSync(join(run, "run.json"), "utf8")).limits;
  assert.deepEqual(
    recorded.map(({ limit }: { limit: string }) => limit),
    ["cpus", "memory", "heap", "command"],
  );
  const [folder] = stack.checkout.state()!.parts.worker!.limited!.folders;
  await stack.run("otel_down");
  if (folder) assert.equal(existsSync(folder), false);
});

test("a worker that stood still for longer than its lock counts the job that it has lost, and verify names it", async () => {
  await withStack({}, async (stack) => {
    const { id } = await stack.post("large");
    await stack.untilRunning(id);
    const pid = stack.pid("worker");
    process.kill(pid, "SIGSTOP");
    // Another worker takes the job when its lock has run out.
    const second = stack.checkout.start("worker", {
      ...stack.checkout.state()!.parts.worker!.settings,
      OTEL_ENABLED: "false",
    });
    const isTaken = async () => (await stack.attempts([id]))[0] === 2 || undefined;
    await waitFor(isTaken, "the job's second start", { timeoutMs: 2 * RETRIED_WITHIN_MS });
    process.kill(pid, "SIGCONT");
    const isSent = async () => (await stack.jobSpans([id])).length || undefined;
    await waitFor(isSent, "the span of the job's first run", { timeoutMs: 40_000 });
    const metrics = join(stack.checkout.folder, ".prodlike/stack/metrics.jsonl");
    const lost = async () => (await readWorkerFacts(readPoints([metrics]), { service: "prodlike-worker" })).lostLocks;
    assert.equal(await waitFor(async () => (await lost()) || undefined, "the lost lock"), 1);
    second.kill("SIGTERM");
    await finish(second);
    const { stdout } = await stack.checkout.run("verify", { JSON: "1", REVIEW_ROOT: stack.root.path });
    const warning = JSON.parse(stdout).warnings.find(({ name }: { name: string }) => name === "lost lock");
    assert.match(warning?.detail ?? stdout, new RegExp(`could not renew the lock of 1 job \\(${id}\\) in time`));
  });
});

test("an ordinary user's worker gets the heap at least, and what nothing enforces is said", async (t) => {
  const user = await serverUser();
  const checkout = await makeCheckout();
  try {
    if (user.uid !== undefined) await execa("chown", ["-R", `${user.uid}:${user.gid}`, checkout.folder]);
    const extra = { HOME: checkout.folder, DENO_DIR: join(checkout.folder, ".deno"), PRODLIKE_OLD_SPACE_MB: "256" };
    const run = (name: string) => finish(checkout.start(name, extra, user));
    const { code, stdout } = await run("worker_prodlike");
    assert.equal(code, 0, stdout);
    assert.match(stdout, /enforced heap_size_limit 448 MB\n/); // 256 + 3 x 64
    const [, cpus] = /cpus +(.*)/.exec(stdout)!;
    t.diagnostic(cpus!);
    assert.match(cpus!, /not enforced: \S+|by (cgroup v2|systemd-run --user)/);
    assert.equal((await run("verify")).code, 0);
    assert.equal((await run("otel_down")).code, 0);
  } finally {
    await checkout.close();
  }
});
