// What telemetry costs a job: `make bench PART=tax`, about 20 minutes, or 4 with SIZE=smoke; JSON=1 prints one object. On this
// Node all variants and loads; on Node 22 and 24, and with NODE=22 or NODE=24 on that alone, three variants of the no-op job.
// The store is QUEUE_URL, a Redis, else a redis-server from the PATH. docs/performance.md says how to read it.
//
// - A round has a fresh worker of each variant, built as any worker is. The first jobs are not measured: it takes some
//   20,000 until all of a job's way is compiled. Then the workers take turns of less than a second, so that a machine that changes its
//   speed changes it for all. A round's figure is the sum of its turns; the ratio is taken round by round, so that its
//   interval has in it what differs between processes.
// - CPU time is that of the worker's process, user and system, all threads: from the moment at which the jobs are there until
//   the spans of the turn have been acknowledged. Metrics go once a second, as in the stack. A profile costs about the same after one
//   second as after ten: each turn is charged for its share of one, taken and sent behind the turn.
// - Not in it: the start, the store, the receiver, which is another process, and this one, which adds the jobs; nor what a
//   job starts as a process (the review's git).
// - Saturated: the queue is filled while it is paused. Paced: jobs are added one by one as the clock has it. Concurrency is 10.
// - A variant that loses telemetry is cheap: spans and profiles are counted where they arrive, and what is missing, refused or
//   dropped is said in the row, and by exit code 1.

import { cpus } from "node:os";
import { EXIT } from "../src/terminal/terminal.ts";
import { explain } from "./harness/explain.ts";
import { measureTax, type TaxRow } from "./tax/measure.ts";
import { planTax } from "./tax/plan.ts";
import { openTaxSetting } from "./tax/setting.ts";

const isJson = process.env.JSON === "1";
const plans = planTax(process.env);
try {
  const variants = plans.flatMap(({ variants }) => variants);
  const setting = await openTaxSetting(variants, process.env.QUEUE_URL);
  try {
    const machine = `${cpus().length} x ${cpus()[0]?.model}, ${process.platform} ${process.arch}`;
    if (!isJson) console.log(`${setting.store}; ${machine}; ${plans[0]?.rounds} rounds`);
    const rows: TaxRow[] = [];
    for (const plan of plans) {
      const measured = await measureTax(plan, setting);
      rows.push(...measured);
      if (!isJson) for (const row of measured) console.log(line(row));
    }
    const ok = rows.every(({ lost }) => !lost);
    if (isJson) console.log(JSON.stringify({ ok, store: setting.store, machine, rows: rows.map(figures) }));
    process.exitCode = ok ? EXIT.ok : EXIT.disproved;
  } finally {
    setting.close();
  }
} catch (error) {
  explain(error);
}

function figures({ node, workload, load, variant, cpu_us_per_job, ratio, low, high, rounds }: TaxRow) {
  return { node, workload, load, variant, cpu_us_per_job, ratio, low, high, rounds };
}

function line(row: TaxRow): string {
  return [
    `Node ${row.node.split(".")[0]}`,
    `${row.workload}, ${row.load}`.padEnd(18),
    row.variant.padEnd(8),
    `${row.cpu_us_per_job.toFixed(1)} us`.padStart(12),
    `x ${row.ratio.toFixed(3)} (${row.low.toFixed(3)}-${row.high.toFixed(3)})`.padStart(23),
    `${row.jobs_per_second.toFixed(0)} jobs/s`.padStart(13),
    `p99 ${row.p99_ms} ms`.padStart(11),
    `${row.rss_mb.toFixed(0)} MB`.padStart(7),
    `${row.cores.toFixed(2)} cores`.padStart(11),
    `${row.spans_per_job.toFixed(3)} spans a job`,
    row.lost,
  ].join("  ");
}
