import type { LoadSummary } from "../load_summary.ts";
import type { ProfileSample } from "../otlp/profile_sample.ts";
import type { Point } from "../otlp/read_points.ts";
import type { Span } from "../otlp/types.ts";
import { describeJobType } from "./describe_job_type.ts";
import { capacityOf, type Facts } from "./facts.ts";
import { findBottlenecks } from "./findings.ts";
import { Flames } from "./flames.ts";
import type { JobValues } from "./job_record.ts";
import { Jobs } from "./jobs.ts";
import { checkLaws } from "./laws.ts";
import { Names } from "./names.ts";
import { type Damage, listNotMeasured } from "./not_measured.ts";
import { OpenTraces, type OpenTracesOptions } from "./open_traces.ts";
import { outcomeOf } from "./outcome.ts";
import type { Report } from "./report.ts";
import { type RunDescription, readDescription } from "./run_description.ts";
import { toNode } from "./span_node.ts";
import { taxOf } from "./tax.ts";
import { chooseTraces } from "./traces.ts";
import { WorkerMetrics } from "./worker_metrics.ts";

/** A run's telemetry. Each is read once, one after the other. */
export interface AnalysisInput {
  spans: AsyncIterable<Span> | Iterable<Span>;
  points?: AsyncIterable<Point> | Iterable<Point>;
  samples?: AsyncIterable<ProfileSample> | Iterable<ProfileSample>;
  /** @default nothing is known */
  description?: RunDescription;
  load?: LoadSummary | undefined;
  /** @default those of OpenTraces */
  open?: OpenTracesOptions;
}

/**
 * What a run shows. Memory is bounded by the open traces and by what is kept of each job type, not by the length of the
 * run. An input that cannot be read to its end counts up to there, and is named in `notMeasured`.
 */
export async function analyze(input: AnalysisInput): Promise<Report> {
  return (await analyzeJobs(input)).report;
}

/** The same, with the times of single attempts: all of a type up to 5,000, then a random sample of that size. */
export async function analyzeJobs(input: AnalysisInput): Promise<{ report: Report; values: JobValues }> {
  const { description = readDescription({}) } = input;
  const damage: Damage = { spans: 0, inputs: [] };
  const { jobs, traces } = await foldSpans(input, damage);
  const services = new Set([...jobs.services, ...(description.worker ? [description.worker] : [])]);
  const beginMs = Math.min(description.startMs ?? Number.POSITIVE_INFINITY, jobs.fromMs);
  const from = Number.isFinite(beginMs) ? beginMs : 0;
  const endMs = Math.max(description.loadEndMs ?? description.endMs ?? 0, jobs.untilMs);
  const isEmpty = jobs.count === 0;
  const metrics = new WorkerMetrics({
    ...{ services, beginMs: from, endMs: endMs || Number.POSITIVE_INFINITY },
    fromMs: isEmpty ? from : jobs.fromMs,
    untilMs: isEmpty ? Number.POSITIVE_INFINITY : jobs.untilMs,
  });
  await readAll(input.points ?? [], "metrics", damage, (point) => metrics.add(point));
  const flames = new Flames();
  await readAll(input.samples ?? [], "profiles", damage, (sample) => flames.add(sample));

  const types = nameTypes(jobs);
  const known = { types, jobs, metrics, description };
  const facts: Facts = { ...known, flames, load: input.load, capacity: capacityOf(known) };
  const { verdict, findings, cannotSay } = findBottlenecks(facts);
  const report: Report = {
    ...{ version: 1, run: description.run },
    ...outcomeOf({ description, load: input.load, attempts: jobs.count, cannotSay }),
    ...{ verdict, findings },
    jobs: types.map(([name, type]) => {
      const functions = flames.functions(type.name);
      return { ...describeJobType(type, name), ...(functions ? { functions } : {}) };
    }),
    traces: chooseTraces(types, findings),
    timeline: { durationMs: Math.max(0, endMs - from), series: metrics.series(), ...jobs.lanes.lanes(from) },
    ...(flames.samples ? { flames: flames.flames() } : {}),
    ...(input.load ? { load: input.load } : {}),
    ...{ laws: checkLaws(facts), tax: taxOf(facts), notMeasured: listNotMeasured(facts, { traces, damage }) },
  };
  return { report, values: new Map(types.map(([name, type]) => [name, type.records.items])) };
}

async function foldSpans(input: AnalysisInput, damage: Damage): Promise<{ jobs: Jobs; traces: OpenTraces }> {
  const jobs = new Jobs();
  const names = new Names();
  const traces = new OpenTraces((traceId, nodes) => jobs.addTrace(traceId, nodes), input.open);
  await readAll(input.spans, "spans", damage, (span) => {
    const node = toNode(span, names);
    if (!node || span.endNs < span.startNs) damage.spans++;
    if (node) traces.add(span.traceId, node);
  });
  traces.end();
  for (const type of jobs.types.values()) type.estimateBlocked();
  return { jobs, traces };
}

/** Hands on every item; an error of the source ends it and is kept. */
async function readAll<Item>(
  source: AsyncIterable<Item> | Iterable<Item>,
  what: string,
  damage: Damage,
  take: (item: Item) => void,
): Promise<void> {
  try {
    for await (const item of source) take(item);
  } catch (error) {
    damage.inputs.push({ what: `the rest of the ${what}`, reason: (error as Error).message });
  }
}

/** Those with the most time first; with their queue where two queues have jobs of one name. */
function nameTypes(jobs: Jobs): Facts["types"] {
  const types = [...jobs.types.values()].sort((a, b) => (b.sum("total") ?? 0) - (a.sum("total") ?? 0));
  const seen = new Map<string, number>();
  for (const { name } of types) seen.set(name, (seen.get(name) ?? 0) + 1);
  return types.map((type) => [seen.get(type.name) === 1 ? type.name : `${type.name} (${type.queue})`, type]);
}
