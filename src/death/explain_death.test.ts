import assert from "node:assert/strict";
import { test } from "node:test";
import { type DeathScene, explainDeath } from "./explain_death.ts";

const scene: DeathScene = {
  exit: { code: null, signal: "SIGKILL" },
  oomKills: 0,
  memoryLimitBytes: 256 * 2 ** 20,
  output: "",
  samples: [
    { atMs: 1_000, bytes: 100 * 2 ** 20 },
    { atMs: 4_000, bytes: 250 * 2 ** 20 },
  ],
  peakBytes: undefined,
  collections: [
    { kind: "major", count: 3, seconds: 0.84 },
    { kind: "minor", count: 40, seconds: 0.1234 },
  ],
  jobs: ["a", "b"],
  lostLocks: 0,
  lockDurationMs: 15_000,
};
// As Node 20 prints it.
const heap = `{"level":"info","msg":"review started"}

<--- Last few GCs --->

0 ms (average mu = 0.70[4711:0x5581]    6122 ms: Scavenge 120.3 (127.4) -> 118.9 (127.9) MB, 18.33 / 0.00 ms  (average mu = 0.524) allocation failure;
[4711:0x5581]    6449 ms: Mark-Compact (reduce) 134.1 (141.4) -> 132.1 (136.9) MB, 141.55 / 0.01 ms

<--- JS stacktrace --->

FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory
----- Native stack trace -----
`;

test("explainDeath() tells the deaths apart", () => {
  const cases: [string, Partial<DeathScene>, string, RegExp][] = [
    [
      "the kernel's",
      { oomKills: 1 },
      "oom-kill",
      /^The kernel killed the worker: out of memory under a limit of 256 MiB/,
    ],
    ["a person's", {}, "killed", /^Somebody ended the worker with SIGKILL$/],
    ["V8's", { exit: { code: null, signal: "SIGABRT" }, output: heap }, "heap-limit", /^V8 ended the worker/],
    ["V8's, as a code", { exit: { code: 134, signal: null }, output: heap }, "heap-limit", /^V8 ended the worker/],
    ["a signal that has no last words", { exit: { code: null, signal: "SIGABRT" } }, "killed", /with SIGABRT$/],
    [
      "an error",
      { exit: { code: 1, signal: null }, output: "TypeError: x is not a function\n    at a.ts:1" },
      "uncaught-error",
      /exit code 1: TypeError: x is not a function$/,
    ],
    [
      "a lost lock's",
      { exit: { code: 1, signal: null }, output: "Error: Missing lock for job 4711. moveToFinished\n    at a.ts:1" },
      "lost-lock",
      /job had lost its lock: Error: Missing lock for job 4711/,
    ],
    [
      "a user's mistake",
      { exit: { code: 2, signal: null }, output: "error: Cannot start the worker: y" },
      "uncaught-error",
      /exit code 2: error: Cannot start/,
    ],
    [
      "an end that nobody asked for",
      { exit: { code: 0, signal: null } },
      "ended",
      /exit code 0, which nobody had asked for$/,
    ],
    ["an end that nobody saw", { exit: null }, "ended", /nobody saw how$/],
  ];
  for (const [what, over, kind, sentence] of cases) {
    const death = explainDeath({ ...scene, ...over });
    assert.equal(death.kind, kind, what);
    assert.match(death.what, sentence, what);
    assert.ok(death.next, what);
  }
});

test("explainDeath() says what it rests on, and what was not measured", () => {
  assert.deepEqual(explainDeath(scene).facts, [
    "oom_kill 0: not the kernel",
    "memory: 100 MiB -> 250 MiB in the last 3 s, peak 250 MiB",
    "garbage collections in the last minute: major 3 in 0.84 s, minor 40 in 0.12 s",
    "jobs that were running: 2 (a, b); their locks run out within 15 s",
  ]);
  const unknown = {
    oomKills: undefined,
    samples: [],
    collections: { notMeasured: "none have arrived" },
    jobs: { notMeasured: "the queue store does not answer" },
    lostLocks: { notMeasured: "it has sent none" },
  };
  assert.deepEqual(explainDeath({ ...scene, ...unknown }).facts, [
    "whether the kernel ran out of memory is not measured",
    "memory before: not measured: it ended before it was looked at",
    "garbage collections: not measured: none have arrived",
    "jobs that were running: not measured: the queue store does not answer",
    "lost locks: not measured: it has sent none",
  ]);
  assert.match(explainDeath({ ...scene, peakBytes: 256 * 2 ** 20 }).facts[1]!, /, peak 256 MiB$/);
  const [, memory] = explainDeath({ ...scene, samples: { notMeasured: "nobody looks" } }).facts;
  assert.equal(memory, "memory before: not measured: nobody looks");
  // What the application logs says nothing.
  const output =
    '{"level":"warn","review":"4711","msg":"review has lost its lock: it is run again, here or elsewhere"}\n';
  const lost = (lostLocks: number) => explainDeath({ ...scene, output, lostLocks }).facts.slice(4);
  assert.deepEqual(lost(0), []);
  assert.deepEqual(lost(1), ["before that it had lost the lock of 1 job: it was blocked, or cut off from the store"]);
  assert.match(lost(2)[0]!, /the locks of 2 jobs:/);
  const { facts } = explainDeath({ ...scene, exit: { code: null, signal: "SIGABRT" }, output: heap, jobs: [] });
  assert.match(
    facts.join("\n"),
    /^FATAL ERROR: Reached heap limit.*\ngc at 6122 ms: Scavenge .*\ngc at 6449 ms: Mark-Compact .*\n.*\n.*\nno job was running$/,
  );
});

test("explainDeath() shows what the worker wrote and named without control characters, each on one line", () => {
  const hostile = "\x1b[2J\x9b\u202eProved";
  const seen = "⟨ESC⟩[2J⟨U+009B⟩⟨U+202E⟩Proved";
  const uncaught = explainDeath({
    ...scene,
    exit: { code: 1, signal: null },
    output: `Error: x${hostile}\r\n    at a.ts:1\n`,
    jobs: [`a\n${hostile}`],
    lockDurationMs: undefined,
    collections: [{ kind: hostile, count: 1, seconds: 0 }],
  });
  assert.equal(uncaught.what, `The worker ended with exit code 1: Error: x${seen}`);
  assert.deepEqual(uncaught.facts.slice(1), [
    `garbage collections in the last minute: ${seen} 1 in 0.00 s`,
    `jobs that were running: 1 (a⟨LF⟩${seen})`,
  ]);
  const output = `[1:0x1]  5 ms: Scavenge ${hostile}\nFATAL ERROR: heap ${hostile}\n`;
  const { facts } = explainDeath({ ...scene, exit: { code: 134, signal: null }, output });
  assert.deepEqual(facts.slice(0, 2), [`FATAL ERROR: heap ${seen}`, `gc at 5 ms: Scavenge ${seen}`]);
  const long = explainDeath({ ...scene, exit: { code: 1, signal: null }, output: `Error: ${"x".repeat(9_993)}` });
  assert.match(long.what, /^The worker ended with exit code 1: Error: x{493}… \(10,000 characters\)$/);
});
