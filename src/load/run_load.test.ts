import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  startTestApplication,
  type TestApplication,
  type TestApplicationOptions,
} from "../../test/http_application.ts";
import type { JobRequest } from "../application/application.ts";
import { type Load, type LoadOptions, runLoad } from "./run_load.ts";

const closed: Load = { jobs: 10, durationMs: undefined, ratePerSecond: undefined, inFlight: 3 };
const open: Load = { ...closed, ratePerSecond: 200 };

async function loaded(
  load: Load,
  behaviour: TestApplicationOptions = {},
  options: Partial<LoadOptions> & { bodies?: string[] } = {},
) {
  const application = await startTestApplication(behaviour);
  try {
    return { application, ...(await runLoad(load, optionsOf(application, options))) };
  } finally {
    await application.close();
  }
}

function optionsOf(
  { url }: TestApplication,
  { bodies = ["1", "2", "3"], ...options }: Partial<LoadOptions> & { bodies?: string[] } = {},
): LoadOptions {
  const requests = bodies.map((body): JobRequest => ({ method: "POST", url: `${url}/jobs`, body }));
  return { requests, what: "jobs", concurrency: 2, signal: new AbortController().signal, ...options };
}

test("runLoad() keeps a number of jobs under way, never more, and sends the requests in turn", async () => {
  const { application, summary, cutOff, failures, slowest } = await loaded(closed, { jobMs: 100 });
  assert.deepEqual(application.bodies, ["1", "2", "3", "1", "2", "3", "1", "2", "3", "1"]);
  assert.equal(application.mostUnderWay, 3);
  const { kind, sent, completed, failed, unfinished, description } = summary;
  assert.deepEqual({ kind, sent, completed, failed, unfinished }, { ...counts(10, 10), kind: "closed" });
  assert.equal(summary.total?.samples, 10);
  assert.equal(summary.request?.samples, 10);
  assert.ok(summary.throughputPerSecond > 0);
  assert.equal(summary.lateness, undefined);
  assert.match(description, /^10 jobs; 3 under way at once; jobs; ends were asked for at intervals/);
  assert.deepEqual([cutOff, failures], [undefined, []]);
  assert.deepEqual(slowest.map(({ id }) => Number(id)).sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  for (const { totalMs, requestMs } of slowest) assert.ok(totalMs >= requestMs);
});

test("runLoad() keeps its schedule whatever the worker does, and says how late it was", async () => {
  // Jobs take longer than all the sending: only a load that waits for none of them has all under way at once.
  const { application, summary } = await loaded(open, { jobMs: 1_500 });
  assert.equal(application.mostUnderWay, 10);
  assert.deepEqual([summary.kind, summary.ratePerSecond], ["open", 200]);
  assert.deepEqual([summary.sent, summary.completed], [10, 10]);
  assert.equal(summary.lateness?.samples, 10);
  assert.equal(summary.seenLate, undefined);
  assert.match(summary.description, /^10 jobs; 200 a second, at random \(Poisson\); jobs/);
});

test("runLoad() sends for a duration", async () => {
  for (const settings of [closed, open]) {
    const { application, summary } = await loaded({ ...settings, jobs: undefined, durationMs: 300 });
    assert.ok(summary.sent > 3);
    assert.deepEqual([summary.completed, application.bodies.length], [summary.sent, summary.sent]);
    assert.match(summary.description, /^0.3 s; /);
  }
});

test("runLoad() asks an application that holds back its answer once a job, and leaves no spans", async () => {
  const { application, summary } = await loaded(closed, { holdsBack: true, jobMs: 100 });
  assert.equal(summary.completed, 10);
  assert.equal(application.looks.length, 10);
  assert.doesNotMatch(summary.description, /intervals/);
  for (const { prefer, traceparent } of application.looks) {
    assert.equal(prefer, "wait=20");
    assert.match(String(traceparent), /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  }
  assert.equal(new Set(application.looks.map(({ traceparent }) => traceparent)).size, 10);
});

test("runLoad() counts failed, refused and lost jobs with their reasons, and goes on", async () => {
  const fates = ["failed", "refused", "lost"] as const;
  const { summary, failures, cutOff } = await loaded({ ...closed, jobs: 9 }, { fate: (i) => fates[i] ?? "completed" });
  assert.deepEqual([summary.sent, summary.completed, summary.failed, summary.unfinished], [9, 6, 2, 1]);
  assert.equal(summary.total?.samples, 6);
  assert.equal(summary.request?.samples, 8);
  assert.equal(cutOff, undefined);
  const reasons = failures.map(({ reason, count }) => `${count} ${reason.replace(/http:\S+/g, "<url>")}`).sort();
  assert.deepEqual(reasons, ["1 <url> answered 404", "1 POST <url> answered 503: no room", "1 too large"]);
});

test("runLoad() sees ends in telemetry where the application tells no address", async () => {
  const folder = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  const traces = join(folder, "traces.jsonl");
  try {
    for (const settings of [closed, open]) {
      const fates = ["failed", "refused", "none", "lost"] as const;
      const behaviour = { traces, jobMs: 100, fate: (index: number) => fates[index] ?? "completed" };
      const spans = { traces, refresh: async () => {}, intervalMs: 50, lostMs: 200 };
      const { application, summary, failures, slowest } = await loaded(settings, behaviour, { spans });
      const { sent, completed, failed, unfinished, withoutJob, description } = summary;
      assert.deepEqual([sent, completed, failed, unfinished, withoutJob], [10, 6, 2, 1, 1]);
      assert.equal(summary.total?.samples, 6);
      assert.match(description, /; ends are those of the job spans$/);
      assert.deepEqual(application.looks, []);
      assert.equal(slowest.length, 7);
      for (const { totalMs, traceId = "" } of slowest) assert.ok(totalMs > 95 && traceId.length === 32, `${totalMs}`);
      const reasons = failures.map(({ reason }) => reason).sort();
      assert.equal(reasons.length, 3);
      assert.match(
        reasons[1]!,
        /^no span of its trace [0-9a-f]{32} has arrived \d+ s after the answer .*OTEL_PROPAGATORS/,
      );
      assert.equal(reasons[2], "too large");
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("runLoad() measures nothing where nothing is completed", async () => {
  const { summary } = await loaded({ ...closed, jobs: 2 }, { fate: () => "refused" });
  assert.deepEqual([summary.total, summary.request, summary.throughputPerSecond], [undefined, undefined, 0]);
});

test("runLoad() ends when every request is refused, with the reason", async () => {
  const settings = { ...closed, jobs: undefined, durationMs: 60_000 };
  const { summary, cutOff } = await loaded(settings, { fate: () => "refused" });
  assert.match(cutOff ?? "", /^100 requests in a row were refused: POST http:\S+ answered 503: no room$/);
  assert.ok(summary.failed >= 100 && summary.failed < 200);
});

test("runLoad() says that nobody answers", async () => {
  const application = await startTestApplication();
  await application.close();
  const { failures } = await runLoad({ ...closed, jobs: 3 }, optionsOf(application));
  assert.match(failures[0]?.reason ?? "", /does not answer: .*ECONNREFUSED|does not answer: .*refused/i);
});

test("runLoad() gives up jobs that do not end, open and closed", async () => {
  for (const settings of [closed, open]) {
    const behaviour = { fate: (index: number) => (index < 2 ? "completed" : "stuck") as "completed" };
    const { summary, cutOff } = await loaded(settings, behaviour, { patienceMs: 300 });
    assert.match(
      cutOff ?? "",
      /^(no job had ended for \d+ s, \d+ were under way|\d jobs had not ended \d+ s after the last was sent); of the oldest, the state of the job \d was "active"$/,
    );
    assert.equal(summary.completed, 2);
    assert.equal(summary.unfinished, summary.sent - 2);
  }
});

test("runLoad() ends at the signal, keeps what it has, and leaves what is under way", async () => {
  for (const settings of [closed, { ...open, ratePerSecond: 50 }]) {
    for (const holdsBack of [false, true]) {
      const interrupt = new AbortController();
      const fate = (index: number) => {
        if (index < 5) return "completed";
        interrupt.abort(new Error("ended by a test"));
        return "stuck";
      };
      const options = { signal: interrupt.signal };
      const many = { ...settings, jobs: 1_000 };
      const { application, summary, cutOff } = await loaded(many, { fate, holdsBack, jobMs: 1 }, options);
      assert.equal(cutOff, "ended by a test");
      assert.equal(summary.sent, summary.completed + summary.unfinished);
      assert.ok(summary.unfinished >= 1 && summary.sent < 50, JSON.stringify(summary));
      assert.ok(application.bodies.length <= summary.sent);
    }
  }
  const before = AbortSignal.abort(new Error("ended before"));
  const { summary, cutOff } = await loaded(closed, {}, { signal: before });
  assert.deepEqual([summary.sent, cutOff], [0, "ended before"]);
});

test("runLoad() watches the oldest jobs where there are many, and sees all end", { timeout: 30_000 }, async () => {
  // All run at once, so most have ended before their turn; on a busy machine their answers may come as if they were held back.
  for (let seenLate = 0, tries = 0; seenLate === 0; tries++) {
    assert.ok(tries < 10, "none was seen late");
    const { summary } = await loaded({ ...open, jobs: 200, ratePerSecond: 2_000 }, { holdsBack: true, jobMs: 100 });
    assert.deepEqual([summary.sent, summary.completed], [200, 200]);
    seenLate = summary.seenLate ?? 0;
  }
});

function counts(sent: number, completed: number) {
  return { sent, completed, failed: 0, unfinished: sent - completed };
}
