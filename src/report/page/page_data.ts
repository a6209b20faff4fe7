import type { Report, Timeline } from "../../analysis/report.ts";
import { shown } from "../../terminal/visible_text.ts";
import { boundFlames, type PageFlame } from "./bound_flames.ts";
import { boundTimeline, type PageChart } from "./bound_timeline.ts";
import { boundTraces, type PageTrace } from "./bound_traces.ts";
import { type Bounds, round } from "./bounds.ts";

/** What the page's script draws: bounded, and with texts that are cut and made visible already. */
export interface PageData {
  timeline: {
    durationMs: number;
    charts: PageChart[];
    lanes: PageLanes;
  };
  traces: PageTrace[];
  flames: PageFlame[];
}

export interface PageLanes {
  count: number;
  jobs: string[];
  /** Lane, index in `jobs`, start and end in ms, 1 when it failed, index in `traces` or -1. */
  rows: [number, number, number, number, 0 | 1, number][];
}

const most: Bounds = { lanes: 64, rows: 5000, points: 600, traces: 24, spans: 4000, functions: 4000 };

/** The part of a report that is drawn; `scale` below 1 makes all bounds smaller. */
export function pageData(report: Report, scale: number): PageData {
  const bounds = Object.fromEntries(
    Object.entries(most).map(([key, value]) => [key, Math.floor(value * scale)]),
  ) as unknown as Bounds; // the same keys
  const traces = boundTraces(report.traces, bounds);
  return {
    timeline: {
      durationMs: report.timeline.durationMs,
      charts: boundTimeline(report.timeline, bounds),
      lanes: boundLanes(report.timeline, traces, bounds),
    },
    traces,
    flames: boundFlames(report.flames ?? [], bounds),
  };
}

/** Jobs that the page does not draw, of those that the run had. */
export function omittedJobs(report: Report, { timeline }: PageData): number {
  return report.timeline.omitted + report.timeline.lanes.length - timeline.lanes.rows.length;
}

function boundLanes({ lanes }: Timeline, traces: PageTrace[], bounds: Bounds): PageLanes {
  const jobs = new Map<string, number>();
  const traceOf = new Map(traces.map(({ spanId }, index) => [spanId, index]));
  const drawn = lanes.filter(({ lane }) => lane < bounds.lanes).slice(0, bounds.rows);
  const rows = drawn.map(({ lane, job, spanId, startMs, endMs, failed }): PageLanes["rows"][number] => {
    const label = shown(job, 60);
    if (!jobs.has(label)) jobs.set(label, jobs.size);
    return [lane, jobs.get(label)!, round(startMs), round(endMs), failed ? 1 : 0, traceOf.get(spanId) ?? -1];
  });
  return { count: Math.max(0, ...drawn.map(({ lane }) => lane + 1)), jobs: [...jobs.keys()], rows };
}
