import type { Report, Timeline } from "../../analysis/report.ts";
import { showNumber, showQuantity } from "../../figures.ts";
import { omittedSeries } from "./bound_timeline.ts";
import { type Content, html, type Markup, name, omitted, table } from "./markup.ts";
import { omittedJobs, type PageData } from "./page_data.ts";

const MOST_ROWS = 40;

/** Event loop, memory and CPU over time with their limits, and the jobs on lanes below; drawn by the page's script. */
export function timelineSection(report: Report, data: PageData): Markup {
  const { series } = report.timeline;
  const { charts, lanes } = data.timeline;
  const undrawn = omittedJobs(report, data);
  if (charts.length === 0 && lanes.rows.length === 0) {
    return html`<section id="timeline" aria-labelledby="timeline-title"><h2 id="timeline-title">Timeline</h2><p class="note">No metrics and no jobs were recorded.</p></section>`;
  }
  return html`<section id="timeline" aria-labelledby="timeline-title">
<h2 id="timeline-title">Timeline</h2>
<p class="lead">The worker over the run. Drag across a chart to zoom all of them, double-click to see the whole run. A dashed line is the limit of the curve of its colour.</p>
<div class="card">
<div class="tools" role="group" aria-label="Time range">
<button type="button" data-time="in">Zoom in</button><button type="button" data-time="out">Zoom out</button>
<button type="button" data-time="left">Earlier</button><button type="button" data-time="right">Later</button>
<button type="button" data-time="all">Whole run</button><output id="time-range" aria-live="polite"></output>
</div>
<div id="timeline-charts"></div>
${undrawn > 0 ? html`<p class="note">${showNumber(undrawn)} more jobs are not drawn.</p>` : undefined}
<details><summary>As a table</summary>${table("Each series over the whole run", ["Series", "points", "lowest", "mean", "highest", "limit"], series.slice(0, MOST_ROWS).map(row))}${omitted(series.length - MOST_ROWS, "series")}</details>
${omitted(omittedSeries(report.timeline, charts) - empty(series), "series are")}
</div>
</section>`;
}

function row({ name: label, unit, values, limit }: Timeline["series"][number]): Content[] {
  const known = values.filter((value) => value !== null);
  const show = (value: number) => showQuantity(value, unit);
  const lowest = known.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const highest = known.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  return [
    name(label),
    showNumber(known.length),
    ...[lowest, mean, highest].map(show), // of nothing they are no numbers, which is said
    limit === undefined ? "none" : show(limit),
  ];
}

const empty = (series: Timeline["series"]) =>
  series.filter(({ values }) => values.every((value) => value === null)).length;
