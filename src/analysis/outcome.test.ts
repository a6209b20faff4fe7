import assert from "node:assert/strict";
import { test } from "node:test";
import type { LoadSummary } from "../load_summary.ts";
import { judgedAgainst, judgedBy, outcomeOf, type RunFacts } from "./outcome.ts";
import type { Report, ReportedRun } from "./report.ts";

const percentiles = (mean: number, p95: number) => ({ samples: 9, mean, p50: mean, p95, p99: p95, max: p95 });

interface Case {
  attempts?: number;
  run?: Partial<ReportedRun>;
  load?: Partial<LoadSummary>;
  lostSpans?: RunFacts["description"]["lostSpans"];
  cannotSay?: string;
}

/** What becomes of a run of 100 jobs of which all completed, but for what a case says. */
function outcome({ attempts = 100, run = {}, load = {}, lostSpans = {}, cannotSay }: Case) {
  const whole = { kind: "closed", description: "", sent: 100, completed: 100, failed: 0, unfinished: 0 } as const;
  return outcomeOf({
    description: { run: run as ReportedRun, lostSpans },
    load: { ...whole, throughputPerSecond: 1, ...load },
    attempts,
    cannotSay,
  });
}

test("outcomeOf() passes a run in which all went well, be it ended by its user", () => {
  assert.deepEqual(outcome({}), { outcome: "passed", reasons: ["100 jobs completed, none failed"] });
  const interrupted = { completed: 7, unfinished: 8, interrupted: true } as const;
  const ended = outcome({ load: interrupted, run: { cutOff: "ended by Ctrl-C" } });
  assert.deepEqual(ended, { outcome: "passed", reasons: ["7 jobs completed, none failed; the load was ended early"] });
});

test("outcomeOf() says how many requests added no job", () => {
  const { reasons } = outcome({ load: { completed: 98, withoutJob: 2 } });
  assert.deepEqual(reasons, ["98 jobs completed, none failed; 2 requests added no job"]);
});

test("outcomeOf() fails a run in which a part died or jobs failed, the death first, with the reasons of the jobs", () => {
  const failures = ["a", "b", "c", "d"].map((reason, index) => ({ reason, count: 40 - index }));
  const dead = ["the worker has ended with SIGKILL"];
  const cutOff = "the worker has ended with SIGKILL";
  const both = outcome({ run: { ended: dead, cutOff }, load: { completed: 5, failed: 87, unfinished: 8, failures } });
  assert.deepEqual(both, {
    outcome: "failed",
    reasons: [
      ...dead,
      "87 of 100 jobs failed or were refused: a (40); b (39); c (38); and others",
      "8 of 100 jobs not seen to end",
    ],
  });
  const stuck = outcome({ run: { cutOff: "no job had ended for 60 s" }, load: { completed: 92, unfinished: 8 } });
  assert.deepEqual(stuck.reasons, ["8 of 100 jobs not seen to end: no job had ended for 60 s"]);
  // Interrupted, but some had failed before.
  const failed = outcome({ load: { completed: 1, failed: 1, unfinished: 8, interrupted: true } });
  assert.deepEqual(failed.reasons, ["1 of 100 jobs failed or were refused"]);
});

test("outcomeOf() says nothing of a run whose spans were lost, and a failure weighs more", () => {
  const lostSpans = { worker: { lost: 30, created: 2_000 }, api: { lost: 1, created: 1_000 } };
  const lost = outcome({ lostSpans });
  assert.deepEqual(lost, { outcome: "nothing can be said", reasons: ["worker lost 30 of 2,000 spans"] });
  assert.equal(outcome({ attempts: 99 }).outcome, "passed");
  assert.deepEqual(outcome({ attempts: 31 }).reasons, [
    "only 31 of 100 jobs that completed were measured: spans were lost, or a sampler left them out",
  ]);
  const cannotSay = "no job ended in this run";
  assert.deepEqual(outcome({ cannotSay }), { outcome: "nothing can be said", reasons: [cannotSay] });
  const dead = outcome({ cannotSay, lostSpans, run: { ended: ["the api has ended with SIGKILL"] } });
  assert.deepEqual([dead.outcome, dead.reasons.length], ["failed", 3]);
});

const report = (parts: object, more: Partial<Report> = {}) =>
  ({
    jobs: [{ name: "review", total: percentiles(100, 200), parts }],
    outcome: "passed",
    reasons: ["100 jobs completed, none failed"],
    run: { id: "r" },
    ...more,
  }) as unknown as Report;

test("judgedBy() fails a run that breaks a threshold, and says nothing of one in which it was not measured", () => {
  const measured = report({ cpu: percentiles(40, 80), gc: percentiles(10, 20) });
  assert.deepEqual(judgedBy({}, measured), measured);
  const held = judgedBy({ p95Ms: 200, cpuMs: 50 }, measured);
  assert.deepEqual(held.reasons, ["100 jobs completed, none failed, MAX_P95_MS=200 holds, MAX_CPU_MS=50 holds"]);
  const broken = judgedBy({ p95Ms: 199, cpuMs: 49 }, measured);
  assert.deepEqual(
    [broken.outcome, broken.reasons],
    [
      "failed",
      [
        "MAX_P95_MS: review takes 200 ms at p95, more than 199",
        "MAX_CPU_MS: review takes 50 ms of CPU a job, more than 49",
      ],
    ],
  );
  // The machine had taken the CPU from it: its own time is known.
  const preempted = report({ cpu: percentiles(400, 800) });
  preempted.jobs[0]!.cpuTime = percentiles(49, 60);
  assert.equal(judgedBy({ cpuMs: 50 }, preempted).outcome, "passed");
  preempted.jobs[0]!.cpuTime.samples = 8;
  assert.equal(judgedBy({ cpuMs: 50 }, preempted).outcome, "failed");
  const unknown = judgedBy({ cpuMs: 1 }, report({}));
  assert.deepEqual(
    [unknown.outcome, unknown.reasons],
    ["nothing can be said", ["MAX_CPU_MS: the CPU time of review was not measured"]],
  );
  assert.equal(judgedBy({ p95Ms: 1 }, report({}, { jobs: [] })).outcome, "nothing can be said");
  const failed = judgedBy({ p95Ms: 500 }, report({}, { outcome: "failed", reasons: ["the worker has ended"] }));
  assert.deepEqual([failed.outcome, failed.reasons], ["failed", ["the worker has ended"]]);
});

test("judgedAgainst() says nothing beside a run that did not go as it should", () => {
  const [good, bad] = [report({}), report({}, { outcome: "failed", reasons: ["the api has ended"] })];
  assert.deepEqual(judgedAgainst(good, good, {}), good);
  const beside = judgedAgainst(bad, good, { cannotSay: "too few" });
  assert.deepEqual([beside.outcome, beside.reasons], ["nothing can be said", ["A, r: the api has ended", "too few"]]);
  assert.equal(judgedAgainst(good, bad, {}).outcome, "failed");
});
