// How long the commands take, and what memory the local stack holds: `make bench PART=start`, about 3 minutes, or 5 with
// STACK=compose, whose images have to be there. Rounds are interleaved, so that a machine that slows down slows all figures
// alike. Needs free default ports, or API_PORT and OTLP_PORT.
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { execa } from "execa";
import { parentOf } from "../src/processes/process_id.ts";
import { readEnvironment } from "../src/settings/environment.ts";
import { readSettings } from "../src/settings/settings.ts";
import { projectOf } from "../src/stack/compose/settings.ts";
import { openStack } from "../src/stack/open_stack.ts";
import { removeStore } from "../src/stack/postgres.ts";
import { readState, stackFiles } from "../src/stack/state.ts";
import { wantedOf } from "../src/stack/wanted.ts";
import { waitFor } from "../src/wait_for.ts";

const ROUNDS = 5;
const SETTLE_MS = 10_000;
const wanted = wantedOf(readSettings(readEnvironment()));
const samples = new Map<string, number[]>();

await down();
for (let round = 1; round <= ROUNDS; round++) {
  await forget();
  await time("make verify, nothing running, s", "verify");
  await forget();
  await time("make otel-up, s", "otel-up");
  await setTimeout(SETTLE_MS);
  if (wanted.kind === "local") note("PSS of the stack 10 s after otel-up, MB", await pssMb());
  await time("make verify, stack up, first job, s", "verify");
  await time("make verify, stack up, s", "verify");
  if (wanted.kind === "local") {
    // What the limits add: the same worker, started alone.
    process.kill((await readState(wanted))!.parts.worker!.pid, "SIGTERM");
    await waitFor(async () => (await readState(wanted))?.parts.worker?.exit ?? undefined, "the worker's end");
    await time("make otel-up, the worker alone, s", "otel-up");
  }
  await time("make worker-prodlike, s", "worker-prodlike");
  await time("make otel-down, s", "otel-down");
  process.stderr.write(`round ${round} of ${ROUNDS}\n`);
}
await forget();
console.log(`median (min-max) of ${ROUNDS}; Node ${process.versions.node}`);
for (const [name, values] of samples) {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, median, high] = [sorted[0], sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
  console.log(`${name.padEnd(44)} ${median?.toFixed(2)} (${low?.toFixed(2)}-${high?.toFixed(2)})`);
}

async function time(name: string, target: string): Promise<void> {
  const began = performance.now();
  await execa("make", ["-s", target], { cwd: wanted.root });
  note(name, (performance.now() - began) / 1000);
}

function note(name: string, value: number): void {
  samples.set(name, [...(samples.get(name) ?? []), value]);
}

/** Ends the stack and removes its store, as on the first call in a fresh clone. */
async function forget(): Promise<void> {
  await down();
  const [program, ...args] = wanted.compose;
  if (wanted.kind === "compose") await execa(program!, [...args, "-p", projectOf(wanted), "down", "--volumes"]);
  else await removeStore(stackFiles(wanted).postgres);
  rmSync(stackFiles(wanted).folder, { recursive: true, force: true });
}

async function down(): Promise<void> {
  await openStack(wanted).down({ signal: new AbortController().signal, say: () => {}, onEvent: () => {} });
}

/** Sum of the proportional set sizes of the supervisor, the parts and all their descendants, in 10^6 bytes. Linux only. */
async function pssMb(): Promise<number> {
  const state = await readState(wanted);
  if (!state) throw new Error("Cannot measure the stack: it is not up");
  const pids = new Set([state.supervisor.pid, ...Object.values(state.parts).map(({ pid }) => pid)]);
  const parents = new Map<number, number>();
  for (const pid of readdirSync("/proc").map(Number).filter(Number.isInteger)) {
    const parent = parentOf(pid);
    if (parent !== undefined) parents.set(pid, parent);
  }
  let kilobytes = 0;
  for (const pid of parents.keys()) {
    let ancestor: number | undefined = pid;
    while (ancestor && !pids.has(ancestor)) ancestor = parents.get(ancestor);
    if (!ancestor) continue;
    kilobytes += Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1]);
  }
  return (kilobytes * 1024) / 1e6;
}
