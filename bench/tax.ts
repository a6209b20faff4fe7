// What telemetry costs a job: `make bench PART=tax`.
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Queue } from "bullmq";
import { startCollector } from "../src/collector/collector.ts";
import { ROOT } from "../src/config.ts";
import { startTestRedis } from "../test/store.ts";

const redis = await startTestRedis();
const folder = mkdtempSync(join(tmpdir(), "prodlike-bench-"));
const collector = await startCollector({ folder, port: 0 });
const queue = new Queue("tax", { connection: { url: redis!.url } });
const environments: Record<string, Record<string, string>> = {
  bare: {},
  off: {},
  traced: { OTEL_ENABLED: "true", PRODLIKE_LEDGER: "off" },
  ledger: { OTEL_ENABLED: "true" },
  nospan: { OTEL_ENABLED: "true", PRODLIKE_LEDGER: "off", OTEL_TRACES_SAMPLER: "always_off" },
  noexport: { OTEL_ENABLED: "true", PRODLIKE_LEDGER: "off", OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9" },
  nometrics: { OTEL_ENABLED: "true", PRODLIKE_LEDGER: "off", OTEL_METRICS_EXPORTER: "none" },
};
const variants = (process.env.VARIANTS ?? "bare,traced,ledger").split(",");
const jobs = Number(process.env.JOBS_ ?? 20000);
const samples: Record<string, number[]> = {};
for (let round = 0; round < Number(process.env.ROUNDS ?? 3); round++) {
  for (const variant of variants) {
    await queue.obliterate({ force: true });
    const child = fork(join(ROOT, "bench/tax_child.ts"), [], {
      execArgv: ["--import", "tsx/esm", ...(process.env.EXEC ? process.env.EXEC.split(" ") : [])],
      env: {
        PATH: process.env.PATH,
        VARIANT: variant,
        WORKLOAD: process.env.WORKLOAD ?? "no-op",
        JOBS: String(jobs),
        WARM_UP: "3000",
        QUEUE_URL: redis!.url,
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_METRIC_EXPORT_INTERVAL: "1000",
        OTEL_BSP_SCHEDULE_DELAY: "200",
        ...environments[variant],
      },
    });
    await once(child, "message");
    for (let added = 0; added < jobs + 3000; added += 1000) {
      await queue.addBulk(
        Array.from({ length: 1000 }, (_, i) => ({
          name: "work",
          data: {},
          opts: {
            removeOnComplete: true,
            jobId: `j${added + i}`,
            ...(variant === "bare" || variant === "off"
              ? {}
              : {
                  telemetry: { metadata: '{"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}' },
                }),
          },
        })),
      );
    }
    child.send("go");
    const [figures] = await once(child, "message");
    samples[variant] = [...(samples[variant] ?? []), figures.cpuUsPerJob];
    console.error(round, variant, figures);
    child.disconnect();
    await once(child, "exit");
  }
}
const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
for (const variant of variants)
  console.log(
    variant,
    median(samples[variant]!).toFixed(1),
    (median(samples[variant]!) / median(samples.bare ?? samples[variants[0]!]!)).toFixed(2),
  );
await queue.close();
await collector.close();
redis!.child.kill();
rmSync(folder, { recursive: true });
