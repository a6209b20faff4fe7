import type { Gain } from "../../src/analysis/report.ts";
import { median } from "../harness/ratio.ts";
import { recordQuietRun, type VerdictRun } from "./run.ts";
import type { VerdictStage } from "./stage.ts";
import type { Workload } from "./types.ts";

/** What the verdicts on one workload were worth: gains are medians of the repeats, as 0.5 for half of it. */
export interface VerdictRow {
  workload: string;
  /** The finding that was expected first; "none" where nothing is wrong. */
  expected: string;
  /** Repeats in which it was. */
  right: number;
  repeats: number;
  /** Of the CPU that the worker wanted, the most that others had in a run, as a share of its time. */
  stolen: number;
  /** The last verdict, and those that were not right. */
  verdict: string;
  wrong: string[];
  /** Absent where nothing is wrong. */
  gain?: GainRow;
}

export interface GainRow {
  what: "throughput" | "p95" | "not predicted";
  predicted?: number;
  measured?: number;
  /** Of the prediction against the measurement. */
  error?: number;
  within: boolean;
  /** By repeat, predicted and measured. */
  each: [predicted: number, measured: number][];
  /** How it was predicted, or why not. */
  how: string;
  /** What the repair did to both, measured. */
  throughput: number;
  p95: number;
}

/** A prediction may be off by so much. */
const TOLERANCE = 0.2;

/** One repeat of a workload. */
export interface Repeat {
  sick: VerdictRun;
  repaired: VerdictRun | undefined;
}

/** Records a workload and its repaired twin, one right after the other. */
export async function repeatWorkload(
  stage: VerdictStage,
  { setting, repaired, isProfiled }: Workload,
  tries = 1,
): Promise<Repeat> {
  const sick = await recordQuietRun(stage, setting, { isProfiled, tries });
  return { sick, repaired: repaired && (await recordQuietRun(stage, repaired, { isProfiled, tries })) };
}

/** What some repeats of a workload say together. */
export function judge({ name, rule, type }: Workload, repeats: Repeat[]): VerdictRow {
  const reports = repeats.map(({ sick }) => sick.report);
  const wrong = reports.filter(({ findings }) => findings[0]?.rule !== rule);
  return {
    ...{ workload: name, expected: rule ?? "none", right: reports.length - wrong.length, repeats: reports.length },
    stolen: Math.max(...repeats.flatMap(({ sick, repaired }) => [sick.stolen, repaired?.stolen ?? 0])),
    verdict: reports.at(-1)!.verdict,
    wrong: wrong.map(({ findings, verdict }) => `${findings[0]?.rule ?? "none"}: ${verdict}`),
    ...(repeats[0]?.repaired ? { gain: judgeGain(repeats, rule, type) } : {}),
  };
}

function judgeGain(repeats: Repeat[], rule: string | undefined, type: string | undefined): GainRow {
  const measured = repeats.map(({ sick, repaired }) => ({
    throughput: repaired!.seen.throughputPerSecond / sick.seen.throughputPerSecond - 1, // a repeat has a twin or none has
    p95: 1 - repaired!.seen.p95Ms(type) / sick.seen.p95Ms(type),
  }));
  const gains = repeats.map(({ sick }) => sick.report.findings.find((finding) => finding.rule === rule)?.gain);
  const both = {
    throughput: median(measured.map(({ throughput }) => throughput)),
    p95: median(measured.map(({ p95 }) => p95)),
  };
  const last = gains.findLast((gain): gain is Gain & { predicted: true } => gain?.predicted === true);
  if (!last) {
    const reason = gains.find((gain) => gain && !gain.predicted);
    const how = reason && "reason" in reason ? reason.reason : "the finding was not made";
    return { what: "not predicted", within: false, each: [], how, ...both };
  }
  const each = gains.flatMap((gain, at): [number, number][] =>
    gain?.predicted && gain.what === last.what ? [[gain.ratio, measured[at]![last.what]]] : [],
  );
  const [predicted, seen] = [median(each.map(([ratio]) => ratio)), median(each.map(([, ratio]) => ratio))];
  const error = predicted / seen - 1;
  const within = Math.abs(error) <= TOLERANCE;
  return { what: last.what, predicted, measured: seen, error, within, each, how: last.formula, ...both };
}
