import { showMs, showNumber } from "../figures.ts";
import { meanParts, recordsAround } from "./describe_job_type.ts";
import type { Facts } from "./facts.ts";
import type { JobTypeFacts } from "./job_type.ts";
import type { Gain, Part } from "./report.ts";

/** Beyond this share of it being taken away, what is left is smaller than the error of its measurement. */
const MOST_OF_IT = 0.8;

/**
 * What it brings to spare `savedMs` of the thread in every attempt, where jobs queue for the thread. Utilisation law: the
 * throughput of a saturated resource is 1 / its time a job, up to what is asked for and what the slots let through.
 */
export function gainOfThread({ capacity, load }: Facts, savedMs: number): Gain {
  const { threadMs, throughputPerSecond, processes, concurrency, slotMs, blockedMs } = capacity;
  if (!threadMs || savedMs <= 0) return { predicted: false, reason: "the time of the thread is not measured" };
  const spared = Math.min(1, savedMs / threadMs);
  const saved = `${showMs(savedMs)} of ${showMs(threadMs)} of the thread a job`;
  if (spared > MOST_OF_IT) {
    const formula = `time a job at saturation falls by saved / busy: ${saved}`;
    return { predicted: true, what: "p95", ratio: spared, formula };
  }
  const slots = (1e3 * processes * concurrency) / Math.max(1e-3, slotMs - blockedMs - savedMs);
  const bounds: [number, string][] = [
    [throughputPerSecond / (1 - spared), `busy / (busy - saved), ${saved}`],
    [slots, `${saved}, then ${processes * concurrency} slots let ${showNumber(slots)} jobs a second through`],
  ];
  const rate = offeredPerSecond(load);
  if (rate !== undefined) bounds.push([rate, `${saved}, then the offered ${showNumber(rate)} jobs a second`]);
  const [after, formula] = bounds.reduce((least, bound) => (bound[0] < least[0] ? bound : least));
  const ratio = Math.max(0, after / throughputPerSecond - 1);
  return { predicted: true, what: "throughput", ratio, formula: `throughput x ${formula}` };
}

/** What it brings to spare `savedMs` of every attempt's slot, where jobs queue for slots. */
export function gainOfSlots({ capacity, load, types }: Facts, savedMs: number): Gain {
  const { slotMs, processes, concurrency } = capacity;
  const spared = Math.min(1, savedMs / slotMs);
  const saved = `${showMs(savedMs)} of ${showMs(slotMs)} that a job has its slot`;
  const rate = offeredPerSecond(load);
  const after = (1e3 * processes * concurrency) / Math.max(1e-3, slotMs - savedMs);
  const [, first] = types[0] ?? [];
  if (rate !== undefined && first && after >= rate) {
    const { total, slot } = p95Of(first);
    const ratio = total > 0 ? Math.max(0, 1 - Math.max(0, slot - savedMs) / total) : 0;
    const formula = `1 - (run - saved) / total at p95, no wait: ${saved}, ${showNumber(after)} jobs a second for ${showNumber(rate)} offered`;
    return { predicted: true, what: "p95", ratio, formula };
  }
  return {
    predicted: true,
    what: "p95",
    ratio: spared,
    formula: `saved / slot time, the queue moves that much faster: ${saved}`,
  };
}

/** What it brings to spare some of a part of an attempt, where nobody queues: that much of its p95, and no throughput. */
export function gainOfPart(facts: JobTypeFacts, parts: Part[], share = 1): Gain {
  const { total, mean } = p95Of(facts);
  const ms = share * parts.reduce((sum, part) => sum + (mean[part] ?? 0), 0);
  return gainOfMs(ms, total);
}

/** The same for ms of the attempts around the p95. */
export function gainOfMs(ms: number, totalMs: number): Gain {
  if (totalMs <= 0) return { predicted: false, reason: "too few attempts" };
  const formula = `saved / total at p95 (Amdahl): ${showMs(ms)} of ${showMs(totalMs)}`;
  return { predicted: true, what: "p95", ratio: Math.min(1, ms / totalMs), formula };
}

/** Means of the attempts around the p95 of the total. */
export function p95Of(facts: JobTypeFacts): { total: number; slot: number; mean: Partial<Record<Part, number>> } {
  const records = recordsAround(facts, "p95");
  const total = records.length ? records.reduce((sum, { totalMs }) => sum + totalMs, 0) / records.length : 0;
  const mean = meanParts(records);
  return { total, slot: total - (mean.wait ?? 0), mean };
}

/** Jobs a second that came, whatever the worker did; `undefined` where the load waited for the worker. */
export function offeredPerSecond(load: Facts["load"]): number | undefined {
  return load?.kind === "open" && load.ratePerSecond ? load.ratePerSecond : undefined;
}
