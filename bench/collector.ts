// CPU that a span costs the embedded collector and the real one, with the same two exporters, and their peak memory:
// `make bench PART=collector`, about 2 minutes. Linux only. Rounds are interleaved. The real one is the program that OTELCOL
// names, else the one in the image, which Docker must have already.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { execa } from "execa";
import { readEnvironment } from "../src/settings/environment.ts";
import { entryCommand, runtimeVersion } from "../src/settings/runtime.ts";
import { readSettings } from "../src/settings/settings.ts";
import { freePort } from "../src/stack/ports.ts";
import { waitFor } from "../src/wait_for.ts";
import { peakMb } from "../test/peak_memory.ts";
import { type Batch, makeBatches } from "./collector/otlp_batches.ts";
import { cpuSeconds } from "./collector/process_figures.ts";
import { ratioOf } from "./harness/ratio.ts";

const IMAGE = "otel/opentelemetry-collector:0.161.0";
const SPANS = 512;
const BATCHES = 64;
/** A round sends all batches this often; the files are emptied in between, so that neither receiver has to rotate them. */
const PASSES = 4;
const ROUNDS = 15;
const CONNECTIONS = 4;

interface Receiver {
  name: "ours" | "real";
  url: string;
  child: ChildProcess;
  traces: string;
}

const { root, runtime, environment } = readSettings(readEnvironment()).stack;
const folder = mkdtempSync(join(tmpdir(), "prodlike-bench-"));
const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
const children: ChildProcess[] = [];
try {
  const batches = await makeBatches(BATCHES, SPANS);
  const receivers = [await startOurs(), await startReal()];
  const encodings = ["protobuf", "json"].flatMap((type) => [
    { name: type, headers: headers(type), bodies: batches.map((batch) => batch[type as keyof Batch]) },
    {
      name: `${type}+gzip`,
      headers: { ...headers(type), "content-encoding": "gzip" },
      bodies: batches.map((batch) => gzipSync(batch[type as keyof Batch])),
    },
  ]);
  const cpu = new Map(encodings.map(({ name }) => [name, { ours: [] as number[], real: [] as number[] }]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const { name, headers, bodies } of encodings) {
      for (const receiver of round % 2 ? receivers : receivers.toReversed()) {
        const seconds = await measure(receiver, headers, bodies);
        if (round > 0) cpu.get(name)![receiver.name].push(seconds); // The first is to warm up.
      }
    }
    process.stderr.write(`round ${round} of ${ROUNDS}\n`);
  }
  report(cpu, receivers);
} finally {
  for (const child of children) {
    if (child.exitCode === null && child.kill("SIGTERM")) await once(child, "exit");
  }
  rmSync(folder, { recursive: true, force: true });
}

/** CPU time of the receiver, in s, for all passes. @throws when it has not stored exactly what was sent */
async function measure({ name, url, child, traces }: Receiver, headers: Record<string, string>, bodies: Buffer[]) {
  const before = cpuSeconds(child.pid!);
  for (let pass = 0; pass < PASSES; pass++) {
    const queue = [...bodies];
    const send = async () => {
      for (let body = queue.pop(); body; body = queue.pop()) await post(url, headers, body);
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, send));
    const wanted = BATCHES * SPANS;
    await waitFor(async () => (countSpans(traces) >= wanted ? true : undefined), `${wanted} spans in ${traces}`);
    if (countSpans(traces) !== wanted) throw new Error(`${name} stored ${countSpans(traces)} of ${wanted} spans`);
    truncateSync(traces);
  }
  return cpuSeconds(child.pid!) - before;
}

async function post(url: string, headers: Record<string, string>, body: Buffer): Promise<void> {
  const sent = request(`${url}/v1/traces`, {
    method: "POST",
    agent,
    headers: { ...headers, "content-length": body.length },
  });
  sent.end(body);
  const [response] = await once(sent, "response");
  response.resume();
  await once(response, "end");
  if (response.statusCode !== 200) throw new Error(`${url} answered ${response.statusCode}`);
}

function countSpans(traces: string): number {
  const bytes = readFileSync(traces);
  let count = 0;
  for (let at = bytes.indexOf('"spanId"'); at !== -1; at = bytes.indexOf('"spanId"', at + 8)) count++;
  return count;
}

async function startOurs(): Promise<Receiver> {
  const home = join(folder, "ours");
  const port = await freePort();
  const { file, args } = entryCommand(join(root, "bench", "collector", "child.ts"), runtime);
  const child = spawn(file, [...args, home, String(port)], { stdio: ["ignore", "ignore", "inherit"] });
  return ready({ name: "ours", child, url: `http://127.0.0.1:${port}`, traces: join(home, "traces.jsonl") });
}

async function startReal(): Promise<Receiver> {
  const home = join(folder, "real");
  mkdirSync(home);
  const port = await freePort();
  const traces = join(home, "traces.jsonl");
  writeFileSync(traces, "");
  writeFileSync(
    join(home, "config.yaml"),
    JSON.stringify({
      receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
      exporters: {
        file: { path: traces, append: true, flush_interval: "200ms" },
        debug: { verbosity: "normal", use_internal_logger: false },
      },
      service: {
        telemetry: { metrics: { level: "none" } },
        pipelines: { traces: { receivers: ["otlp"], exporters: ["file", "debug"] } },
      },
    }),
  );
  const log = openSync(join(home, "collector.log"), "a");
  const child = spawn(await realProgram(), ["--config", join(home, "config.yaml")], { stdio: ["ignore", log, log] });
  closeSync(log);
  return ready({ name: "real", child, url: `http://127.0.0.1:${port}`, traces });
}

async function ready(receiver: Receiver): Promise<Receiver> {
  children.push(receiver.child);
  const body = Buffer.from("{}");
  await waitFor(async () => {
    if (receiver.child.exitCode !== null) throw new Error(`it ended with ${receiver.child.exitCode}`);
    await post(receiver.url, headers("json"), body);
    return true as const;
  }, `the collector "${receiver.name}"`);
  return receiver;
}

async function realProgram(): Promise<string> {
  if (environment.OTELCOL) return environment.OTELCOL;
  const program = join(folder, "otelcol");
  const { stdout: container } = await execa("docker", ["create", "--pull=never", IMAGE]);
  try {
    const { stdout: path } = await execa("docker", ["inspect", "--format", "{{.Path}}", container]);
    await execa("docker", ["cp", `${container}:${path.startsWith("/") ? path : `/${path}`}`, program]);
  } finally {
    await execa("docker", ["rm", container]);
  }
  return program;
}

function report(cpu: Map<string, Record<Receiver["name"], number[]>>, receivers: Receiver[]): void {
  const spans = PASSES * BATCHES * SPANS;
  console.log(`spans per CPU-second, median (min-max) of ${ROUNDS} rounds of ${spans} spans; ${runtimeVersion}`);
  console.log("cost: CPU of ours against the real one's, geometric mean and 95 % interval of the rounds' ratios\n");
  console.log(`${"".padEnd(14)}${"ours".padEnd(28)}${"real".padEnd(28)}cost`);
  for (const [name, { ours, real }] of cpu) {
    const { ratio, low, high } = ratioOf(ours, real);
    const cost = `${ratio.toFixed(3)} (${low.toFixed(3)}-${high.toFixed(3)})`;
    console.log(`${name.padEnd(14)}${rates(ours, spans).padEnd(28)}${rates(real, spans).padEnd(28)}${cost}`);
  }
  const peaks = receivers.map(({ name, child }) => `${name} ${peakMb(child.pid!)?.toFixed(0)} MB`);
  console.log(`\npeak memory (RSS): ${peaks.join(", ")}`);
}

function rates(seconds: number[], spans: number): string {
  const sorted = seconds.map((each) => spans / each / 1000).sort((a, b) => a - b);
  const [low, median, high] = [sorted[0]!, sorted[Math.floor(sorted.length / 2)]!, sorted.at(-1)!];
  return `${median.toFixed(0)}k (${low.toFixed(0)}-${high.toFixed(0)})`;
}

function headers(type: string): Record<string, string> {
  return { "content-type": type === "json" ? "application/json" : "application/x-protobuf" };
}
