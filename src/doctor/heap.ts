import type { Runtime } from "../settings/runtime.ts";
import type { HeapFlags } from "./node_options.ts";

/** The limit of V8's heap and what it is made of, in MB of 2^20 bytes. */
export interface Heap {
  /** `heap_size_limit` of `v8.getHeapStatistics()`: old space + 3 x semi space. */
  limitMb: number;
  oldMb: number;
  semiMb: number;
  /** No flag sets the old space: V8 derives it from the memory. */
  isDefault: boolean;
}

/** The Node majors whose default heap `defaultHeap` knows. */
export const NODE_MAJORS = [20, 22, 24] as const;

/**
 * The heap limit of Node on a 64-bit machine that has (or whose container is limited to) `memoryMb`, with no flag set.
 * Measured, see docs/limits.md; the steps are those of V8's `Heap::HeapSizesFromPhysicalMemory`.
 */
export function defaultHeap(nodeMajor: number, memoryMb: number): Heap {
  // V8 of Node 20 rounds to a GB and wants more than 15, later ones want 15 or more.
  const isLarge = nodeMajor < 22 ? Math.round(memoryMb / 1_024) > 15 : memoryMb >= 15 * 1_024;
  const oldMb = Math.min(Math.max(memoryMb / 2, 256), isLarge ? 4_096 : 2_048);
  const semiMb = defaultSemiSpace(nodeMajor, oldMb);
  return { limitMb: oldMb + 3 * semiMb, oldMb, semiMb, isDefault: true };
}

function defaultSemiSpace(nodeMajor: number, oldMb: number): number {
  if (oldMb <= 256) return 1;
  const [ratio, mostMb] = nodeMajor < 24 ? [128, 16] : [32, 64];
  return Math.min(powerOfTwo(oldMb / ratio), mostMb);
}

/** V8 rounds a semi space up to a power of two. */
function powerOfTwo(size: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(size, 1)));
}

/** What the heap depends on besides flags. */
export interface HeapSurroundings {
  runtime: Runtime;
  nodeMajor: number;
  memoryMb: number;
}

/** The heap limit under these flags, the default where they are silent. */
export function heapOf(flags: HeapFlags, { runtime, nodeMajor, memoryMb }: HeapSurroundings): Heap {
  // Deno takes no notice of a container's memory.
  const fallback: Heap =
    runtime === "deno"
      ? { limitMb: 4_192, oldMb: 4_096, semiMb: 32, isDefault: true }
      : defaultHeap(nodeMajor, memoryMb);
  const semiMb = flags.semiMb ? powerOfTwo(flags.semiMb) : fallback.semiMb;
  const percentage = flags.oldPercentage && (memoryMb * flags.oldPercentage) / 100;
  const oldMb = flags.oldMb || percentage || (flags.heapMb ? flags.heapMb - 3 * semiMb : undefined);
  return { limitMb: (oldMb ?? fallback.oldMb) + 3 * semiMb, oldMb: oldMb ?? fallback.oldMb, semiMb, isDefault: !oldMb };
}

/** What a worker has beside its heap: code, stacks, the thread pool, native packages. Measured, see docs/limits.md. */
export const NATIVE_BASE_MB = 96;
/** What V8 takes on top of a heap that is full, as a share of it. Measured, see docs/limits.md. */
const FULL_HEAP_SHARE = 0.05;

/** The memory in MB that a process needs beside a full heap, at the least; Buffers of an application come on top. */
export function nativeHeadroomMb(heapLimitMb: number): number {
  return NATIVE_BASE_MB + FULL_HEAP_SHARE * heapLimitMb;
}

/** The largest `--max-old-space-size`, in steps of 32 MB, that leaves the headroom; 0 or less when there is none. */
export function fittingOldSpaceMb(memoryMb: number, semiMb: number): number {
  const heapMb = (memoryMb - NATIVE_BASE_MB) / (1 + FULL_HEAP_SHARE);
  return Math.floor((heapMb - 3 * semiMb) / 32) * 32;
}
