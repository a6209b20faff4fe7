// What the analysis of a run costs: `make bench PART=analysis`, about a minute, or JSON=1. Runs of 100,000 and 1,000,000 spans are
// written as the collector writes them; each is read and analysed in a process of its own, best of three. Exit code 1 when it takes
// longer, or more memory, than docs/verdicts.md promises, or when ten times the spans take more than twelve times as long.

import { once } from "node:events";
import { createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { requestsOf } from "./analysis/spans.ts";

const GOALS = [
  { spans: 100_000, seconds: 2 },
  { spans: 1_000_000, seconds: 15 },
];
const MOST_MB = 512;
const TRIES = 3;

interface Figures {
  spans: number;
  seconds: number;
  cpuSeconds: number;
  peakMb: number;
}

const results: Figures[] = [];
for (const { spans } of GOALS) {
  const folder = mkdtempSync(join(tmpdir(), "prodlike-bench-"));
  try {
    const path = join(folder, "traces.jsonl");
    await write(path, spans);
    const tries: Figures[] = [];
    for (let each = 0; each < TRIES; each++) {
      const { stdout } = await execa(process.execPath, [...process.execArgv, "bench/analysis/child.ts", path]);
      tries.push(JSON.parse(stdout));
    }
    const best = tries.reduce((least, each) => (each.seconds < least.seconds ? each : least));
    results.push({ ...best, peakMb: Math.max(...tries.map(({ peakMb }) => peakMb)) });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
const [small, large] = results as [Figures, Figures];
const ratio = large.seconds / small.seconds;
const isMet =
  results.every(({ seconds, peakMb }, index) => seconds <= GOALS[index]!.seconds && peakMb <= MOST_MB) && ratio <= 12;
if (process.env.JSON) console.log(JSON.stringify({ results, ratio, isMet }));
else {
  for (const { spans, seconds, cpuSeconds, peakMb } of results) {
    console.log(
      `${spans} spans: ${seconds.toFixed(2)} s (${cpuSeconds.toFixed(2)} s of CPU), ${peakMb.toFixed(0)} MB at the most`,
    );
  }
  console.log(`ten times the spans take ${ratio.toFixed(1)} times as long; goals ${isMet ? "met" : "NOT met"}`);
}
process.exitCode = isMet ? 0 : 1;

async function write(path: string, spans: number): Promise<void> {
  const file = createWriteStream(path);
  for (const request of requestsOf(spans)) {
    if (!file.write(`${JSON.stringify(request)}\n`)) await once(file, "drain");
  }
  file.end();
  await once(file, "close");
}
