// Whether verdicts and predictions are right: `make bench PART=verdicts`, about 25 minutes; JSON=1 prints one object. ONLY= takes
// the workloads whose name or rule contains it, REPEATS= is 5, TRIES= how often a run that others disturbed is done, 2.
// Workloads with one bottleneck each, injected for real into a BullMQ worker on a Redis from the PATH, and the same without it;
// docs/verdicts.md says more. Exit code 1 when a finding is wrong, or when less than 11 of 14 predictions lie within 20 % of
// what the repair brought.

import { cpus } from "node:os";
import { EXIT } from "../src/terminal/terminal.ts";
import { explain } from "./harness/explain.ts";
import { judge, type Repeat, repeatWorkload, type VerdictRow } from "./verdicts/measure.ts";
import { openVerdictStage } from "./verdicts/stage.ts";
import { WORKLOADS } from "./verdicts/workloads.ts";

const { ONLY = "", REPEATS = "5", TRIES = "2" } = process.env;
const isJson = process.env.JSON === "1";
/** As 11 of 14. */
const WITHIN = 11 / 14;

try {
  const stage = await openVerdictStage();
  try {
    const machine = `${cpus().length} x ${cpus()[0]?.model}, ${process.platform} ${process.arch}`;
    if (!isJson) console.log(`${stage.store}; ${machine}; Node ${process.versions.node}; ${REPEATS} repeats`);
    const wanted = WORKLOADS.filter(({ name, rule = "healthy" }) => `${name} ${rule}`.includes(ONLY));
    const canLimit = stage.mechanism.name !== "V8 flags";
    const workloads = wanted.filter(({ setting }) => canLimit || setting.worker.cpus === undefined);
    const skipped = wanted.filter((each) => !workloads.includes(each)).map(({ name }) => name);
    for (const name of skipped) process.stderr.write(`SKIPPED: ${name}: nothing here enforces a quota\n`);
    const repeats = workloads.map((): Repeat[] => []);
    for (let repeat = 1; repeat <= Number(REPEATS); repeat++) {
      for (const [at, workload] of workloads.entries()) {
        repeats[at]!.push(await repeatWorkload(stage, workload, Number(TRIES)));
        process.stderr.write(`repeat ${repeat} of ${REPEATS}: ${line(judge(workload, repeats[at]!.slice(-1)))}\n`);
      }
    }
    const rows = workloads.map((workload, at) => judge(workload, repeats[at]!));
    const predicted = rows.filter(({ gain }) => gain && gain.what !== "not predicted");
    const within = predicted.filter(({ gain }) => gain?.within).length;
    const isRight = rows.every(({ right, repeats }) => right === repeats);
    const ok = isRight && within >= WITHIN * predicted.length;
    if (isJson) console.log(JSON.stringify({ ok, store: stage.store, machine, skipped, rows }));
    else {
      for (const row of rows) console.log(line(row));
      console.log(`${within} of ${predicted.length} predictions within 20 %`);
    }
    process.exitCode = ok ? EXIT.ok : EXIT.disproved;
  } finally {
    stage.close();
  }
} catch (error) {
  explain(error);
}

function line({ workload, expected, right, repeats, stolen, verdict, wrong, gain }: VerdictRow): string {
  const percent = (share: number | undefined) => `${Math.round(100 * (share ?? 0))} %`;
  const gained = !gain
    ? ""
    : gain.what === "not predicted"
      ? `not predicted: throughput ${percent(gain.throughput)}, p95 ${percent(gain.p95)}`
      : `${gain.within ? "" : "OFF "}${gain.what} ${percent(gain.predicted)} predicted, ${percent(gain.measured)} measured`;
  const saying = wrong.length ? `WRONG ${wrong.join("; ")}` : repeats === 1 ? verdict : "";
  return [
    workload.padEnd(50),
    expected.padEnd(24),
    `${right} of ${repeats}`,
    `stolen ${percent(stolen)}`.padEnd(11),
    gained.padEnd(45),
    saying,
  ].join("  ");
}
