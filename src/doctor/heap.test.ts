import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultHeap, heapOf } from "./heap.ts";

// Measured in containers on Node 20.20.2, 22.23.3 and 24.21.0: memory, then heap_size_limit, all in MB. docs/limits.md
const measured: [memoryMb: number, node20: number, node22: number, node24: number][] = [
  [128, 259, 259, 259],
  [256, 259, 259, 259],
  [512, 259, 259, 259],
  [600, 312, 312, 348],
  [700, 362, 362, 398],
  [768, 396, 396, 432],
  [1_024, 524, 524, 560],
  [1_200, 624, 624, 696],
  [1_536, 792, 792, 864],
  [2_048, 1_048, 1_048, 1_120],
  [2_049, 1_072.5, 1_072.5, 1_216.5],
  [2_500, 1_298, 1_298, 1_442],
  [3_072, 1_584, 1_584, 1_728],
  [4_096, 2_096, 2_096, 2_240],
  [6_144, 2_096, 2_096, 2_240],
  [12_288, 2_096, 2_096, 2_240],
  [15_300, 2_096, 2_096, 2_240],
  [15_360, 2_096, 4_144, 4_288],
  [15_800, 2_096, 4_144, 4_288],
  [15_872, 4_144, 4_144, 4_288],
  [16_384, 4_144, 4_144, 4_288],
  [20_480, 4_144, 4_144, 4_288],
];

test("defaultHeap() gives what Node 20, 22 and 24 gave in containers", () => {
  for (const [memoryMb, ...limits] of measured) {
    const computed = [20, 22, 24].map((major) => defaultHeap(major, memoryMb).limitMb);
    assert.deepEqual(computed, limits, `${memoryMb} MB`);
  }
});

test("heapOf() gives what Node gave under flags in a container of 2,048 MB", () => {
  const limits = [
    [{ oldMb: 1_536 }, 1_560, 1_632],
    [{ semiMb: 48 }, 1_216, 1_216], // a semi space is rounded up to a power of two
    [{ oldMb: 1_536, semiMb: 64 }, 1_728, 1_728],
    [{ oldMb: 0 }, 1_048, 1_120], // 0 leaves it to V8
    [{ oldPercentage: 75 }, 1_560, 1_632],
    [{ heapMb: 1_000 }, 1_000, 1_000],
    [{ semiMb: 1 }, 1_027, 1_027],
  ] as const;
  for (const [flags, node20, node24] of limits) {
    const limit = (nodeMajor: number) => heapOf(flags, { runtime: "node", nodeMajor, memoryMb: 2_048 }).limitMb;
    assert.deepEqual([limit(20), limit(24)], [node20, node24], JSON.stringify(flags));
  }
});

test("heapOf() gives what Deno gave in a container of 512 MB", () => {
  const limit = (flags: object) => heapOf(flags, { runtime: "deno", nodeMajor: 24, memoryMb: 512 }).limitMb;
  assert.deepEqual([limit({}), limit({ oldMb: 100 }), limit({ oldMb: 100, semiMb: 16 })], [4_192, 196, 148]);
});
