// Whether the ledger says the truth: `make bench PART=truth`, about 40 s, longer on a busy machine, or JSON=1. Exit code 1 when a part is out of bounds.
// Started by hand it takes names of workloads, and --tolerance-ms in place of 10.
import { parseArgs } from "node:util";
import { measureTruth, type TruthRow } from "./truth/measure.ts";
import { workloads } from "./truth/workloads.ts";

const { values, positionals } = parseArgs({ options: { "tolerance-ms": { type: "string" } }, allowPositionals: true });
const toleranceMs = values["tolerance-ms"] === undefined ? undefined : Number(values["tolerance-ms"]);
const rows = await measureTruth(positionals.length ? positionals : Object.keys(workloads), toleranceMs);
const ok = rows.every((row) => row.ok);
if (process.env.JSON === "1") console.log(JSON.stringify({ ok, rows }));
else for (const row of rows) console.log(line(row));
process.exitCode = ok ? 0 : 1;

function line({ workload, part, truth_ms, measured_ms, noise_ms, ok }: TruthRow): string {
  const [truth, measured, noise] = [truth_ms, measured_ms, noise_ms].map((ms) => ms.toFixed(1).padStart(7));
  return `${ok ? "ok " : "OFF"} ${workload.padEnd(44)} ${part.padEnd(12)} truth ${truth}  measured ${measured}  noise ${noise}`;
}
