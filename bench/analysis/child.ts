// Reads and analyses the spans of one file; prints what it took. Started by bench/analysis.ts.
import { performance } from "node:perf_hooks";
import { analyze } from "../../src/analysis/analyze.ts";
import { readSpans } from "../../src/otlp/read_spans.ts";

const [path = ""] = process.argv.slice(2);
let spans = 0;
async function* counted() {
  for await (const span of readSpans([path])) {
    spans++;
    yield span;
  }
}
const cpuBefore = process.cpuUsage();
const began = performance.now();
const report = await analyze({ spans: counted() });
const seconds = (performance.now() - began) / 1e3;
const { user, system } = process.cpuUsage(cpuBefore);
if (report.jobs.length !== 4) throw new Error(`Cannot measure: ${report.jobs.length} job types found, wanted 4`);
const peakMb = (process.resourceUsage().maxRSS * 1024) / 1e6;
process.stdout.write(JSON.stringify({ spans, seconds, cpuSeconds: (user + system) / 1e6, peakMb }));
