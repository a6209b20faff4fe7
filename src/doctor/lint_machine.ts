import { showBytes, showCpus, showMb } from "../figures.ts";
import { NATIVE_BASE_MB } from "./heap.ts";
import type { Found, Placed, Subject } from "./subject.ts";

/** Threads that libuv starts unless `UV_THREADPOOL_SIZE` says otherwise, and the most it starts. */
const POOL = { default: 4, most: 1_024 };

/** Docker refuses a container with less memory. */
export const DOCKER_LEAST_BYTES = 6 * 2 ** 20;

/** `UV_THREADPOOL_SIZE` against the CPUs; a value that is none. */
export function cpuRules({ cpus, threadpool }: Subject): Found[] {
  // libuv reads it with atoi and takes 1 for what is not a number; Node hands an empty one on.
  if (threadpool && !/^\d+$/.test(threadpool.value)) return [threadpoolValue(threadpool.value, 1, threadpool.where)];
  const asked = threadpool ? Number(threadpool.value) : POOL.default;
  if (threadpool && asked === 0) return [threadpoolValue("0", 1, threadpool.where)];
  if (threadpool && asked > POOL.most) return [threadpoolValue(threadpool.value, POOL.most, threadpool.where)];
  if (!cpus) return [];
  const figures = `${threadpool ? "UV_THREADPOOL_SIZE" : "libuv's default of"} ${asked} threads, ${showCpus(cpus.value)} CPUs`;
  const fitting = Math.max(POOL.default, Math.ceil(cpus.value));
  const where = threadpool?.where ?? cpus.where;
  if (asked > 4 * fitting) {
    return [
      {
        rule: "threadpool-above-cpus",
        figures,
        why: "crypto, zlib and other work of the pool can use up the CPU quota of a period at once: then the main thread stands still too",
        set: `UV_THREADPOOL_SIZE=${fitting}, at most ${4 * fitting} for a pool that mostly waits for files and DNS`,
        where,
      },
    ];
  }
  if (asked + 1 < Math.floor(cpus.value)) {
    return [
      {
        rule: "threadpool-below-cpus",
        figures,
        why: `the main thread and the pool use ${asked + 1} CPUs at the most: the others do nothing unless the worker starts threads or processes of its own`,
        set: `UV_THREADPOOL_SIZE=${fitting} when crypto, zlib or native add-ons are what takes long, else ${asked + 1} CPUs or fewer`,
        where,
      },
    ];
  }
  return [];
}

function threadpoolValue(value: string, threads: number, where: string): Found {
  return {
    rule: "threadpool-value",
    figures: `UV_THREADPOOL_SIZE="${value}" gives ${threads} ${threads === 1 ? "thread" : "threads"}`,
    why:
      threads === 1
        ? "file access, DNS look-ups, crypto and zlib of all jobs then wait for one another"
        : "libuv starts no more, and that many stacks take memory",
    set: `UV_THREADPOOL_SIZE=${POOL.default} (the default) or the number of CPUs`,
    where,
  };
}

/** Jobs at once against the memory that one took in a recorded run. */
export function concurrencyRule({ concurrency, bytesPerJob, memory: [limit] }: Subject): Found[] {
  if (!concurrency || !bytesPerJob || !limit) return [];
  const baseBytes = NATIVE_BASE_MB * 2 ** 20;
  const needed = baseBytes + concurrency.value * bytesPerJob.value;
  if (needed <= limit.value) return [];
  const fitting = Math.floor((limit.value - baseBytes) / bytesPerJob.value);
  return [
    {
      rule: "jobs-above-memory",
      figures: `${concurrency.value} jobs at once x ${showBytes(bytesPerJob.value)} a job (${bytesPerJob.where}) + ${showBytes(baseBytes)} = ${showBytes(needed)}, memory ${showBytes(limit.value)}`,
      why: "when the jobs reach their peaks together the process is killed or out of heap, and all of them are lost",
      set:
        fitting >= 1
          ? `a concurrency of ${fitting}, or ${showMb(Math.ceil(needed / 2 ** 20))} of memory`
          : `${showMb(Math.ceil((baseBytes + bytesPerJob.value) / 2 ** 20))} of memory or more: not one job fits`,
      where: concurrency.where,
    },
  ];
}

/** Swap behind the memory limit; limits that the engine refuses. */
export function swapRules({ memory, memorySwap, hostSwapBytes = 0 }: Subject): Found[] {
  const [limit, twin] = memory;
  if (limit && twin && twin.value !== limit.value) return [limitTwice(limit, twin)];
  if (limit && limit.value < DOCKER_LEAST_BYTES) return [tooSmall(limit)];
  if (!limit) return memorySwap ? [swapAlone(memorySwap)] : [];
  const total = memorySwap?.value ?? 2 * limit.value;
  if (total < limit.value) return [swapBelow(memorySwap!, limit.value)];
  // Docker's own default gives swap only where the machine has some; what is written gives it anywhere.
  if (total === limit.value || (!memorySwap && hostSwapBytes === 0)) return [];
  const swap = total === Infinity ? "swap without a limit" : `${showBytes(total - limit.value)} of swap`;
  return [
    {
      rule: "swap-behind-memory",
      figures: `memory ${showBytes(limit.value)} and ${swap}${memorySwap ? "" : ` (Docker's default; this machine has ${showBytes(hostSwapBytes)})`}`,
      why: "the process is not killed at its limit but swapped, and each garbage collection reads the heap back from disk: seconds of pause where production ends with exit 137",
      set: `memswap_limit (docker run --memory-swap) equal to the memory limit, ${showBytes(limit.value)}`,
      where: (memorySwap ?? limit).where,
    },
  ];
}

function limitTwice(limit: Placed<number>, twin: Placed<number>): Found {
  return {
    rule: "memory-twice",
    figures: `${showBytes(limit.value)} in ${limit.where}, ${showBytes(twin.value)} in ${twin.where}`,
    why: 'compose refuses the file: "can\'t set distinct values"',
    set: "one of the two",
    where: twin.where,
  };
}

function tooSmall({ value, where }: Placed<number>): Found {
  return {
    rule: "memory-below-minimum",
    figures: `memory ${value} bytes`,
    why: "Docker refuses less than 6 MB; a number without a unit is bytes",
    set: value < 2 ** 16 ? `${value}m, when MB were meant` : "512m or more for a Node worker",
    where,
  };
}

function swapBelow({ value, where }: Placed<number>, memory: number): Found {
  return {
    rule: "swap-below-memory",
    figures: `memory and swap together ${showBytes(value)}, memory alone ${showBytes(memory)}`,
    why: "Docker refuses the container: the figure is the sum of both, not the swap",
    set: `memswap_limit: the memory limit, ${showBytes(memory)} (no swap), or more`,
    where,
  };
}

function swapAlone({ where }: Placed<number>): Found {
  return {
    rule: "swap-without-memory",
    figures: "memswap_limit is set, the memory is not",
    why: "Docker refuses the container",
    set: "mem_limit, and memswap_limit equal to it",
    where,
  };
}
