// Whether the ledger says the truth: `make bench PART=truth`, about 30 s. Exit code 1 when a part is out of bounds.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { ROOT } from "../src/config.ts";
import { workloads } from "./truth_workloads.ts";

export interface TruthRow {
  workload: string;
  part: string;
  truth_ms: number;
  measured_ms: number;
  ok: boolean;
}

/** Each part within 5 % or this, ms. */
const TOLERANCE_MS = 10;

const server = createServer((socket) => {
  socket.on("error", () => {});
  socket.on("data", (data) => {
    setTimeout(() => socket.write(`${performance.timeOrigin + performance.now()}\n`), Number(data));
  });
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address() as { port: number };
const rows: TruthRow[] = [];
for (const name of Object.keys(workloads)) rows.push(...(await measure(name)));
server.close();
const ok = rows.every((row) => row.ok);
if (process.env.JSON === "1") console.log(JSON.stringify({ ok, rows }));
else for (const row of rows) console.log(line(row));
process.exitCode = ok ? 0 : 1;

async function measure(workload: string): Promise<TruthRow[]> {
  const child = spawn(
    process.execPath,
    ["--import", "tsx/esm", join(ROOT, "bench/truth_child.ts"), workload, String(port)],
    {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let output = "";
  child.stdout.on("data", (data) => (output += data));
  await once(child, "close");
  const { parts } = JSON.parse(output) as { parts: Record<"measured" | "truth", Record<string, number>>[] };
  return Object.keys(parts[0]!.truth).map((part) => {
    const rowsOfPart = parts.map(({ measured, truth }) => compare({ workload, part }, measured, truth));
    // Of many jobs the one that is furthest off.
    return rowsOfPart.reduce((worst, row) => (off(row) > off(worst) ? row : worst));
  });
}

function compare(
  { workload, part }: { workload: string; part: string },
  measured: Record<string, number>,
  truth: Record<string, number>,
): TruthRow {
  const true_ms = truth[part]!;
  // Where it cannot be seen when a job could have continued, both ends are reported: the truth lies between.
  const { blocked = 0, blocked_max: most = 0, overlapped = 0 } = measured;
  const [low, high] =
    part === "blocked"
      ? [blocked, most]
      : part === "overlapped"
        ? [overlapped - (most - blocked), overlapped]
        : [measured[part]!, measured[part]!];
  const measured_ms = Math.min(Math.max(true_ms, low), high);
  const bound = part === "unexplained" ? 0.05 * truth.run! : Math.max(0.05 * true_ms, TOLERANCE_MS);
  return {
    workload,
    part,
    truth_ms: round(true_ms),
    measured_ms: round(measured_ms),
    ok: Math.abs(measured_ms - true_ms) <= bound,
  };
}

function off({ truth_ms, measured_ms }: TruthRow): number {
  return Math.abs(truth_ms - measured_ms);
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}

function line({ workload, part, truth_ms, measured_ms, ok }: TruthRow): string {
  return `${ok ? "ok " : "OFF"} ${workload.padEnd(44)} ${part.padEnd(12)} truth ${truth_ms.toFixed(1).padStart(7)}  measured ${measured_ms.toFixed(1).padStart(7)}`;
}
