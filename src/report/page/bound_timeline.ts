import type { Timeline } from "../../analysis/report.ts";
import { shown } from "../../terminal/visible_text.ts";
import type { Bounds } from "./bounds.ts";
import { groupBy } from "./group_by.ts";

/** One chart: series of one unit, each with its own times in ms. */
export interface PageChart {
  unit: string;
  series: { name: string; t: number[]; values: (number | null)[]; limit?: number }[];
}

type Series = Timeline["series"][number];
const MOST_CHARTS = 8;
const MOST_SERIES_A_CHART = 5;

/** Groups series by unit, five to a chart, each reduced to `points`. */
export function boundTimeline({ series, durationMs }: Timeline, { points }: Bounds): PageChart[] {
  const byUnit = groupBy(
    series.filter(({ values }) => values.some((value) => value !== null)),
    ({ unit }) => unit,
  );
  const groups = [...byUnit].flatMap(([unit, all]) =>
    Array.from({ length: Math.ceil(all.length / MOST_SERIES_A_CHART) }, (_, index) => ({
      unit,
      series: all.slice(index * MOST_SERIES_A_CHART, (index + 1) * MOST_SERIES_A_CHART),
    })),
  );
  return groups.slice(0, MOST_CHARTS).map((group) => ({
    unit: shown(group.unit, 20),
    series: group.series.map((each) => reduce(each, { durationMs, points })),
  }));
}

/** Series that no chart of the page has. */
export function omittedSeries({ series }: Timeline, charts: PageChart[]): number {
  return series.length - charts.reduce((sum, chart) => sum + chart.series.length, 0);
}

/** Where points share a slot the largest stays: a peak is never averaged away. */
function reduce({ name, t, values, limit }: Series, { durationMs, points }: { durationMs: number; points: number }) {
  const end = Math.max(durationMs, 1);
  const slots = new Map<number, { at: number; value: number | null }>();
  t.forEach((at, index) => {
    const value = values[index] ?? null;
    const slot = Math.round((Math.min(Math.max(at, 0), end) / end) * points);
    const known = slots.get(slot);
    if (!known || (value !== null && (known.value === null || value > known.value))) slots.set(slot, { at, value });
  });
  const kept = [...slots].sort(([a], [b]) => a - b).map(([, point]) => point);
  return {
    name: shown(name, 60),
    ...(limit === undefined ? {} : { limit }),
    t: kept.map(({ at }) => Math.round(at)),
    // Five digits: more than a screen shows.
    values: kept.map(({ value }) => (value === null ? null : Number(value.toPrecision(5)))),
  };
}
