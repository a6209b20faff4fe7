import assert from "node:assert/strict";
import { test } from "node:test";
import { progressLine } from "../load/progress.ts";
import { readLoadSettings } from "./load.ts";
import { readSettings } from "./settings.ts";

test("readLoadSettings() has a default for everything but what depends on the worker", () => {
  const usual = {
    ...{ jobs: 100, durationMs: undefined, ratePerSecond: undefined, inFlight: undefined, warmup: undefined },
    ...{ limited: true, ladder: [1, 2, 4, 8, 16] },
  };
  assert.deepEqual(readLoadSettings({}), usual);
  assert.deepEqual(readLoadSettings({ DURATION: "2m" }), { ...usual, jobs: undefined, durationMs: 120_000 });
  const all = { JOBS: "60", DURATION: "1.5h", RATE: "0.5", WARMUP: "0", LIMITS: "off", LADDER: "1, 3" };
  const read = { jobs: 60, durationMs: 5_400_000, ratePerSecond: 0.5, warmup: 0, limited: false, ladder: [1, 3] };
  assert.deepEqual(readLoadSettings(all), { ...usual, ...read });
  assert.equal(readLoadSettings({ IN_FLIGHT: "3", DURATION: "500ms" }).inFlight, 3);
});

test("readSettings() names the argument of a load, its value and what is wanted", () => {
  const refusals: [Record<string, string>, string][] = [
    [{ JOBS: "0" }, 'Cannot use JOBS="0": a whole number from 1 to 1000000 is wanted'],
    [{ JOBS: "1e3" }, 'Cannot use JOBS="1e3": a whole number from 1 to 1000000 is wanted'],
    [{ WARMUP: "-1" }, 'Cannot use WARMUP="-1": a whole number from 0 to 10000 is wanted'],
    [{ IN_FLIGHT: "many" }, 'Cannot use IN_FLIGHT="many": a whole number from 1 to 1000 is wanted'],
    [{ RATE: "fast" }, 'Cannot use RATE="fast": jobs a second are wanted, as 5 or 0.5, from 0.001 to 10000'],
    [{ RATE: "0" }, 'Cannot use RATE="0": jobs a second are wanted, as 5 or 0.5, from 0.001 to 10000'],
    [{ DURATION: "30" }, 'Cannot use DURATION="30": a duration is wanted, as 30s, 2m or 1.5h, at most 24h'],
    [{ DURATION: "25h" }, 'Cannot use DURATION="25h": a duration is wanted, as 30s, 2m or 1.5h, at most 24h'],
    [{ LIMITS: "no" }, 'Cannot use LIMITS="no": allowed is off'],
    [
      { RATE: "5", IN_FLIGHT: "3" },
      'Cannot use IN_FLIGHT="3" with RATE="5": a rate keeps its schedule however many are under way',
    ],
  ];
  for (const [environment, message] of refusals) {
    assert.throws(() => readSettings(environment), { name: "UserError", message });
  }
});

test("readSettings() reads several requests of JOB_REQUEST, one from the beginning of each line", () => {
  const text = 'POST http://127.0.0.1/a {"x":\n 1}\n  PUT https://127.0.0.1/b\nPOST http://127.0.0.1/c "GET http://x"';
  const { jobRequests } = readSettings({ JOB_REQUEST: text }).services;
  assert.deepEqual(jobRequests, [
    { method: "POST", url: "http://127.0.0.1/a", body: '{"x":\n 1}' },
    { method: "PUT", url: "https://127.0.0.1/b", body: undefined },
    { method: "POST", url: "http://127.0.0.1/c", body: '"GET http://x"' },
  ]);
});

test("progressLine() says what is done, under way and left, and nothing that is not known", () => {
  const tally = { elapsedMs: 12_300, sent: 38, failed: 0, inFlight: 8, throughputPerSecond: 2.5 };
  const line = (settings: Record<string, string>, changes: Partial<typeof tally> = {}) =>
    progressLine({ ...tally, ...changes }, readLoadSettings(settings));
  assert.equal(line({ JOBS: "60" }), "12 s   30 of 60 done   8 under way   2.5 a second   about 12 s left");
  assert.equal(line({ DURATION: "20s" }), "12 s   30 done   8 under way   2.5 a second   about 11 s left");
  assert.equal(
    line({ JOBS: "60" }, { sent: 9, failed: 1, throughputPerSecond: 0 }),
    "12 s   1 of 60 done   1 failed   8 under way   0.0 a second",
  );
  // No faster than the rate, however fast those under way end.
  assert.match(line({ JOBS: "60", RATE: "0.5" }), /about 60 s left$/);
});
