// Whether telemetry keeps what it should forget: `make bench PART=heap`, about a minute; JSON=1 prints one object. A real worker
// with everything on (traces, ledger, profiler, metrics) runs no-op jobs; its heap is measured after its garbage has been
// collected. Exit code 1 when it is more than 5 % bigger after 100,000 jobs than after 10,000, or when spans were lost, which
// would take no memory. The store is QUEUE_URL, a Redis, else a redis-server from the PATH.

import { EXIT } from "../src/terminal/terminal.ts";
import { explain } from "./harness/explain.ts";
import { startWorker } from "./tax/measure.ts";
import { VARIANTS, type Variant } from "./tax/plan.ts";
import { TRACED } from "./tax/round.ts";
import { openTaxSetting, type TaxSetting } from "./tax/setting.ts";

/** Before all others: it takes as many until all of a job's way is compiled, and compiled code is in the heap. */
const WARM_UP = 20_000;
const STEP = 10_000;
const STEPS = 10;
const MOST_GROWTH = 1.05;

/** After so many jobs. */
interface HeapRow {
  jobs: number;
  heap_mb: number;
  external_mb: number;
}

const isJson = process.env.JSON === "1";
try {
  const variant = VARIANTS.find(({ name }) => name === "profiler")!;
  const setting = await openTaxSetting([variant], process.env.QUEUE_URL);
  try {
    const { rows, spans } = await measureHeap(variant, setting);
    const growth = rows.at(-1)!.heap_mb / rows[0]!.heap_mb;
    const lost = Math.max(0, WARM_UP + STEP * STEPS - spans);
    const ok = growth <= MOST_GROWTH && lost === 0;
    const said = { ok, node: process.versions.node, store: setting.store, growth, lost, rows };
    console.log(isJson ? JSON.stringify(said) : `heap x ${growth.toFixed(3)}, spans lost: ${lost}`);
    process.exitCode = ok ? EXIT.ok : EXIT.disproved;
  } finally {
    setting.close();
  }
} catch (error) {
  explain(error);
}

async function measureHeap(variant: Variant, setting: TaxSetting): Promise<{ rows: HeapRow[]; spans: number }> {
  const worker = startWorker(variant, process.execPath, setting, { TURNS: "1" });
  const job = { name: "no-op", data: {}, opts: { removeOnComplete: true, telemetry: TRACED } };
  try {
    await worker.ready();
    await worker.runSaturated(WARM_UP, job);
    const rows: HeapRow[] = [];
    for (let step = 1; step <= STEPS; step++) {
      await worker.runSaturated(STEP, job);
      const { heapBytes, externalBytes } = await worker.heap();
      const row = { jobs: step * STEP, heap_mb: heapBytes / 1e6, external_mb: externalBytes / 1e6 };
      if (!isJson) console.log(line(row));
      rows.push(row);
    }
    return { rows, spans: (await setting.received())[variant.name]!.spans };
  } finally {
    await worker.close();
  }
}

function line({ jobs, heap_mb, external_mb }: HeapRow): string {
  return `after ${String(jobs).padStart(7)} jobs  heap ${heap_mb.toFixed(2)} MB  external ${external_mb.toFixed(2)} MB`;
}
