// What the metrics cost a process that does nothing else: `make bench PART=metrics`, about 90 s. Rounds with and without
// metrics are interleaved; the collector runs in this process. CPU is that of the whole process and of its main thread
// (Linux), bytes are those of one export in metrics.jsonl.
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startCollector } from "../src/collector/collector.ts";
import { currentRuntime } from "../src/settings/runtime.ts";
import { startProgram } from "../test/program.ts";

const ROUNDS = 4;
const SECONDS = 10;

/** Idle for two seconds first, as the start is not what is measured. */
const program = `
  const { readFileSync } = await import("node:fs");
  const cpu = () => {
    const { user, system } = process.cpuUsage();
    return [(user + system) / 1e3, Number.parseInt(readFileSync("/proc/thread-self/schedstat", "latin1"), 10) / 1e6];
  };
  setTimeout(() => {
    const before = cpu();
    setTimeout(() => console.log(JSON.stringify(cpu().map((ms, index) => (ms - before[index]) / ${SECONDS}))), ${SECONDS}_000);
  }, 2_000);`;

const folder = mkdtempSync(join(tmpdir(), "prodlike-bench-"));
const collector = await startCollector({ folder, port: 0 });
const samples: Record<string, [number, number][]> = { otlp: [], none: [] };
for (let round = 0; round < ROUNDS; round++) {
  for (const [exporter, figures] of Object.entries(samples)) {
    const environment = {
      OTEL_ENABLED: "true",
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_METRIC_EXPORT_INTERVAL: "1000",
      OTEL_METRICS_EXPORTER: exporter,
    };
    const child = startProgram(program, environment, currentRuntime);
    const [line] = await once(child.stdout!, "data");
    figures.push(JSON.parse(String(line)));
    await once(child, "close");
  }
}
await collector.close();
const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
for (const [index, what] of ["process", "main thread"].entries()) {
  const [withMetrics, without] = ["otlp", "none"].map((each) => median(samples[each]!.map((round) => round[index]!)));
  console.log(
    `${what}: ${withMetrics!.toFixed(2)} ms of CPU a second with metrics, ${without!.toFixed(2)} ms without (median of ${ROUNDS})`,
  );
}
const lines = readFileSync(join(folder, "metrics.jsonl"), "utf8").trim().split("\n");
console.log(`one export: ${median(lines.map((line) => line.length))} bytes, as stored`);
rmSync(folder, { recursive: true });
