import type { Config } from "../../config.ts";
import { type Enforcement, showBytes, showCpus } from "../../limits/enforcement.ts";
import type { Progress } from "../protocol.ts";
import { type ComposeCli, composeCli } from "./cli.ts";
import { composeEnvironment, FILES, PRODLIKE_FILE, wantedServices, writeSettings } from "./settings.ts";
import { start, up } from "./up.ts";

/** Replaces the worker, which first finishes its jobs, by the built one under the limits; starts what else is missing. */
export async function limitWorker(config: Config, cli: ComposeCli, progress: Progress): Promise<Enforcement[]> {
  const { limits } = config;
  const info = await cli.engine(["info", "--format", "{{.NCPU}} {{.MemTotal}}"]);
  const [hostCpus, hostBytes] = info.trim().split(" ").map(Number) as [number, number];
  const others = wantedServices(config).filter((service) => service !== "worker");
  await up(config, cli, others, progress);
  // The engine refuses more CPUs than there are.
  const environment = { ...composeEnvironment(config), PRODLIKE_CPUS: String(Math.min(limits.cpus, hostCpus)) };
  const files = [...FILES, PRODLIKE_FILE, writeSettings(config, limits.environment)];
  await start(config, composeCli(config, files, environment), ["worker"], progress);

  const worker = (await cli.containers()).find(({ service }) => service === "worker")!; // it is ready
  const { heapSizeLimitBytes, entry } = readyLine(await cli.text(["logs", "--no-color", "--no-log-prefix", "worker"]));
  return [
    {
      limit: "cpus",
      asked: showCpus(limits.cpus),
      host: String(hostCpus),
      enforced: showCpus(worker.cpus),
      isBinding: limits.cpus <= hostCpus,
    },
    {
      limit: "memory",
      asked: showBytes(limits.memoryBytes),
      host: showBytes(hostBytes),
      enforced: showBytes(worker.memoryBytes),
      isBinding: limits.memoryBytes <= hostBytes,
    },
    {
      limit: "heap",
      asked: `old space ${limits.oldSpaceMb} MB and 3 x semi space ${limits.semiSpaceMb} MB`,
      enforced: heapSizeLimitBytes
        ? `heap_size_limit ${heapSizeLimitBytes / 2 ** 20} MB`
        : "not measured: no such line in its log",
      isBinding: true,
    },
    {
      limit: "command",
      asked: "node dist/worker.js",
      enforced: entry ?? "not measured: no such line in its log",
      isBinding: true,
    },
  ];
}

/** What the worker says of itself when it is ready. */
function readyLine(log: string): { heapSizeLimitBytes?: number; entry?: string } {
  const line = log.split("\n").findLast((each) => each.startsWith("{") && each.includes('"msg":"ready"'));
  return line ? JSON.parse(line) : {};
}
