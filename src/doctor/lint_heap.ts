import { showMb } from "../figures.ts";
import { effectiveFlags } from "./effective_flags.ts";
import { defaultHeap, fittingOldSpaceMb, type Heap, heapOf, NODE_MAJORS, nativeHeadroomMb } from "./heap.ts";
import { DOCKER_LEAST_BYTES } from "./lint_machine.ts";
import { heapFlags, setsOldSpace, sizeOf } from "./node_options.ts";
import type { Found, Subject } from "./subject.ts";

/** The heap against the memory: above it, too close to it, far below it, or left to a default that moves. One at most. */
export function heapRules(subject: Subject): Found[] {
  const limit = subject.memory[0];
  if (!limit || limit.value < DOCKER_LEAST_BYTES) return [];
  const memoryMb = limit.value / 2 ** 20;
  const flags = effectiveFlags(subject);
  const isDefault = !flags.some((flag) => setsOldSpace(flag) && sizeOf(flag) > 0);
  if (isDefault && subject.runtime === "deno" && subject.denoUsesCgroups) return [];
  // Where the version is not known the largest counts.
  const nodeMajor = subject.nodeMajor ?? NODE_MAJORS.at(-1)!;
  const heap = heapOf(heapFlags(flags), { runtime: subject.runtime, nodeMajor, memoryMb });
  const where = flags.findLast(setsOldSpace)?.source.where ?? limit.where;
  const found =
    aboveMemory(heap, memoryMb) ??
    noHeadroom(heap, memoryMb) ??
    farBelow(heap, memoryMb) ??
    (isDefault && subject.runtime === "node" ? movesWithNode(memoryMb) : undefined);
  if (!found) return [];
  const made = heap.isDefault ? `${defaultOf(subject)}: no flag sets the old space` : describe(heap);
  const figures = `heap limit ${showMb(heap.limitMb)} (${made}), memory ${showMb(memoryMb)}${found.figures}`;
  return [{ rule: found.rule, figures, why: found.why, set: advice(heap, memoryMb, subject), where }];
}

type Part = Pick<Found, "rule" | "figures" | "why">;

function aboveMemory(heap: Heap, memoryMb: number): Part | undefined {
  if (heap.limitMb <= memoryMb) return undefined;
  return {
    rule: "heap-above-memory",
    figures: `, ${showMb(heap.limitMb - memoryMb)} too much`,
    why: "the kernel kills the process (exit 137) before V8 sees a limit: no heap error, no snapshot, running jobs are lost",
  };
}

function noHeadroom(heap: Heap, memoryMb: number): Part | undefined {
  const headroomMb = nativeHeadroomMb(heap.limitMb);
  if (heap.limitMb + headroomMb <= memoryMb) return undefined;
  return {
    rule: "no-headroom",
    figures: `, ${showMb(memoryMb - heap.limitMb)} left, ${showMb(headroomMb)} wanted`,
    why: "code, stacks, the thread pool and V8's own tables live beside the heap: a full heap ends in exit 137 instead of V8's 134",
  };
}

function farBelow(heap: Heap, memoryMb: number): Part | undefined {
  // A default is half of the memory as long as V8 does not cap it; a flag may leave room for buffers on purpose.
  const leastShare = heap.isDefault ? 0.45 : 0.25;
  const share = heap.limitMb / memoryMb;
  if (share >= leastShare) return undefined;
  return {
    rule: "heap-far-below-memory",
    figures: `, ${Math.round(100 * share)} % of it`,
    why: heap.isDefault
      ? "V8 caps its default: more memory gives no more heap, and the process ends with exit 134 while most of its memory is free"
      : "the process ends with exit 134 (heap out of memory) while most of its memory is free",
  };
}

function movesWithNode(memoryMb: number): Part | undefined {
  const limits = NODE_MAJORS.map((major) => defaultHeap(major, memoryMb).limitMb);
  if (new Set(limits).size === 1) return undefined;
  return {
    rule: "default-heap-differs",
    figures: `; by default ${NODE_MAJORS.map((major, index) => `Node ${major} ${showMb(limits[index]!)}`).join(", ")}`,
    why: "an upgrade of Node alone changes the heap: the same jobs in the same container meet another limit",
  };
}

function describe({ oldMb, semiMb }: Heap): string {
  return `old space ${showMb(oldMb)} + 3 x semi space ${showMb(semiMb)}`;
}

function defaultOf({ runtime, nodeMajor }: Subject): string {
  if (runtime === "deno") return "default of Deno, whatever the container";
  return nodeMajor ? `default of Node ${nodeMajor}` : "default of Node 24, the version is not known";
}

function advice(heap: Heap, memoryMb: number, { runtime, heapSettings }: Subject): string {
  const variable = runtime === "deno" ? "DENO_V8_FLAGS" : "NODE_OPTIONS";
  const old = heapSettings ? heapSettings.old : `${variable}=--max-old-space-size`;
  const semi = heapSettings ? heapSettings.semi : "--max-semi-space-size";
  const oldMb = fittingOldSpaceMb(memoryMb, heap.semiMb);
  if (oldMb >= LEAST_OLD_MB) return `${old}=${oldMb} or less, which leaves the headroom, or another memory limit`;
  const withLeastSemiMb = fittingOldSpaceMb(memoryMb, 1);
  if (withLeastSemiMb >= LEAST_OLD_MB) return `${old}=${withLeastSemiMb} and ${semi}=1, or another memory limit`;
  const heapMb = LEAST_OLD_MB + 3;
  return `a memory limit of ${Math.ceil(heapMb + nativeHeadroomMb(heapMb))}m or more: a heap of ${heapMb} MB does not fit`;
}

/** The packages of a worker alone take some 30 MB of heap. */
const LEAST_OLD_MB = 64;
