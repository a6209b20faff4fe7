// One bottleneck each, injected for real, beside the same without it; and some in which nothing is wrong.
import type { ApiSetting, LoadSetting, Setting, Step, WorkerSetting, Workload } from "./types.ts";

/** Jobs of one type. */
const one = (concurrency: number, ...steps: Step[]): WorkerSetting => ({ concurrency, types: { work: steps } });
const call = (callMs: number, times = 1): Step => ({ callMs, times });
const cpu = (cpuMs: number, of: "hash" | "render" = "render"): Step => ({ cpuMs, in: of });
const setting = (worker: WorkerSetting, load: LoadSetting, api?: ApiSetting): Setting => ({
  ...{ worker, load },
  ...(api ? { api } : {}),
});
const atOnce = (jobs: number): LoadSetting => ({ jobs });
const paced = (jobs: number, ratePerSecond: number): LoadSetting => ({ jobs, ratePerSecond });

const garbage: Step = { documents: 200, live: 20 };
const longLived: Step = { objects: 200_000, live: 60_000 };
const nearlyFull = { ...one(4, longLived, cpu(5), call(10)), keptMb: 85 };
const semi = (mb: number) => `--max-semi-space-size=${mb}`;
const old = (mb: number) => `--max-old-space-size=${mb}`;
const mail = [cpu(1), call(15), cpu(1)];
const neighbours = { ...paced(130, 16), shares: { mail: 15, report: 1 } };

const SICK: (Workload & { repaired: Setting })[] = [
  {
    name: "CPU in one function, jobs queue for the thread",
    ...{ rule: "cpu-bound", isProfiled: true },
    setting: setting(one(4, cpu(15), call(20), cpu(15, "hash")), atOnce(160)),
    repaired: setting(one(4, cpu(15), call(20)), atOnce(160)),
  },
  {
    name: "CPU in one function, jobs come one by one",
    ...{ rule: "cpu-bound", isProfiled: true },
    setting: setting(one(4, cpu(30), call(10), cpu(90, "hash")), paced(32, 4)),
    repaired: setting(one(4, cpu(30), call(10)), paced(32, 4)),
  },
  {
    name: "jobs behind a heavy neighbour",
    ...{ rule: "blocked-by-neighbours", type: "mail" },
    setting: setting({ concurrency: 16, types: { mail, report: [cpu(300)] } }, neighbours),
    repaired: setting({ concurrency: 16, types: { mail } }, { ...neighbours, without: "report" }),
  },
  {
    name: "50 jobs at once for one thread",
    rule: "concurrency-too-high",
    setting: setting(one(50, cpu(6), call(60), cpu(6)), { ...atOnce(350), inFlight: 50 }),
    repaired: setting(one(9, cpu(6), call(60), cpu(6)), { ...atOnce(350), inFlight: 50 }),
  },
  {
    name: "garbage that lives for a while, small semi space",
    rule: "garbage-collection",
    setting: setting({ ...one(4, garbage, call(10)), flags: [semi(1)] }, atOnce(120)),
    repaired: setting({ ...one(4, garbage, call(10)), flags: [semi(64)] }, atOnce(120)),
  },
  {
    name: "a heap that is nearly full",
    rule: "heap-near-limit",
    setting: setting({ ...nearlyFull, flags: [old(150), semi(4)] }, atOnce(40)),
    repaired: setting({ ...nearlyFull, flags: [old(2048), semi(4)] }, atOnce(40)),
  },
  {
    name: "a quota of a quarter of a CPU",
    rule: "quota-throttling",
    setting: setting({ ...one(4, cpu(20), call(20)), cpus: 0.25 }, atOnce(60)),
    repaired: setting({ ...one(4, cpu(20), call(20)), cpus: 2 }, atOnce(60)),
  },
  {
    name: "one slot for jobs that wait",
    rule: "concurrency-too-low",
    setting: setting(one(1, cpu(3), call(80), cpu(3)), atOnce(50)),
    repaired: setting(one(8, cpu(3), call(80), cpu(3)), atOnce(50)),
  },
  {
    name: "two slots for what is offered",
    rule: "concurrency-too-low",
    // The first 100 of the arrivals come at the rate that is asked for, the first 200 at 92 % of it.
    setting: setting(one(2, cpu(2), call(80), cpu(2)), paced(100, 50)),
    repaired: setting(one(8, cpu(2), call(80), cpu(2)), paced(100, 50)),
  },
  {
    name: "a slow call, all jobs at once",
    rule: "slow-downstream",
    setting: setting(one(8, cpu(2), call(300), cpu(2)), atOnce(120)),
    repaired: setting(one(8, cpu(2), call(0), cpu(2)), atOnce(120)),
  },
  {
    name: "a slow call, more offered than slots take",
    rule: "slow-downstream",
    setting: setting(one(4, cpu(2), call(300), cpu(2)), paced(100, 20)),
    repaired: setting(one(4, cpu(2), call(0), cpu(2)), paced(100, 20)),
  },
  {
    name: "a slow call, slots to spare",
    rule: "slow-downstream",
    setting: setting(one(16, cpu(2), call(300), cpu(2)), paced(75, 15)),
    repaired: setting(one(16, cpu(2), call(0), cpu(2)), paced(75, 15)),
  },
  {
    name: "a wait that no span names",
    rule: "slow-downstream",
    setting: setting(one(16, cpu(2), { timerMs: 400 }, cpu(2)), paced(75, 15)),
    repaired: setting(one(16, cpu(2), cpu(2)), paced(75, 15)),
  },
  {
    name: "a call in a loop, all jobs at once",
    rule: "n-plus-one",
    setting: setting(one(4, cpu(2), call(6, 30), cpu(2)), atOnce(80)),
    repaired: setting(one(4, cpu(2), call(6), cpu(2)), atOnce(80)),
  },
  {
    name: "a call in a loop, slots to spare",
    rule: "n-plus-one",
    setting: setting(one(16, cpu(2), call(6, 30), cpu(2)), paced(50, 10)),
    repaired: setting(one(16, cpu(2), call(6), cpu(2)), paced(50, 10)),
  },
  {
    name: "first attempts that fail",
    rule: "retries",
    setting: setting(one(4, cpu(20), call(20), { failing: 0.4 }), atOnce(130)),
    repaired: setting(one(4, cpu(20), call(20)), atOnce(130)),
  },
  {
    name: "a slow queue store, all jobs at once",
    rule: "slow-store",
    setting: setting({ ...one(4, cpu(2), call(10)), storeMs: 60 }, atOnce(150)),
    repaired: setting(one(4, cpu(2), call(10)), atOnce(150)),
  },
  {
    name: "a slow queue store, slots to spare",
    rule: "slow-store",
    setting: setting({ ...one(16, cpu(2), call(10)), storeMs: 60 }, paced(75, 15)),
    repaired: setting(one(16, cpu(2), call(10)), paced(75, 15)),
  },
  {
    name: "an API that calls others before it enqueues",
    rule: "slow-api",
    setting: setting(one(8, cpu(2), call(60)), paced(75, 15), { callMs: 400 }),
    repaired: setting(one(8, cpu(2), call(60)), paced(75, 15), {}),
  },
  {
    name: "an API far from the queue store",
    rule: "slow-api",
    setting: setting(one(8, cpu(2), call(30)), paced(75, 15), { storeMs: 250 }),
    repaired: setting(one(8, cpu(2), call(30)), paced(75, 15), {}),
  },
  {
    name: "a load generator that cannot keep its rate",
    rule: "load-generator-saturated",
    setting: setting(one(8, cpu(2), call(30)), { ...paced(150, 60), prepareMs: 25 }),
    repaired: setting(one(8, cpu(2), call(30)), { ...paced(75, 15), prepareMs: 25 }),
  },
];

const HEALTHY: Workload[] = [
  { name: "calls, thread and slots to spare", setting: setting(one(8, cpu(2), call(40), cpu(1)), paced(100, 20)) },
  { name: "short CPU jobs, a fifth of the thread", setting: setting(one(4, cpu(10)), paced(100, 20)) },
  {
    name: "two kinds of jobs and fast calls",
    setting: setting(
      { concurrency: 8, types: { mail: [cpu(2), call(15, 2)], report: [cpu(15), call(60)] } },
      { ...paced(100, 20), shares: { mail: 3, report: 1 } },
    ),
  },
  {
    name: "reviews of one file now and then",
    setting: setting({ concurrency: 4, types: { review: [{ review: true }] } }, paced(12, 2)),
  },
];

export const WORKLOADS: Workload[] = [...SICK, ...HEALTHY];
