import type { JobType, Report } from "../../analysis/report.ts";
import { showMs, showNumber, showShare } from "../../figures.ts";
import { functionName } from "../function_text.ts";
import { place } from "./findings_section.ts";
import { ledgerChart, ledgerLegend, ledgerPatterns } from "./ledger_chart.ts";
import { type Content, html, type Markup, name, omitted, table } from "./markup.ts";

const MOST_JOBS = 10;
const MOST_ROWS = 15;
/** Steps that take less are no part of a path that anybody follows. */
const LEAST_SHARE = 0.005;

/** Where the time of each job type goes: the ledger as bars, the critical path, and what its spans and functions say. */
export function jobsSection({ jobs }: Report): Markup {
  if (jobs.length === 0) return html``;
  return html`<section id="jobs" aria-labelledby="jobs-title">
<h2 id="jobs-title">Where the time goes</h2>
<p class="lead">Each bar is the mean of the attempts around a percentile, from the enqueue to the end. The bars of one type share a scale.</p>
${ledgerPatterns()}${ledgerLegend()}
${jobs.slice(0, MOST_JOBS).map((job, index) => jobCard(job, `job-${index}`))}
${omitted(jobs.length - MOST_JOBS, "job types")}
</section>`;
}

function jobCard(job: JobType, id: string): Markup {
  const facts: Content[] = [
    html`${showNumber(job.count)} attempts`,
    html`${job.failed === 0 ? "none failed" : html`<strong class="bad">${showNumber(job.failed)} failed</strong>`}`,
    html`${job.retries === 0 ? "no retries" : `${showNumber(job.retries)} retries`}`,
    html`queue ${name(job.queue)}`,
  ];
  return html`<article class="card" aria-labelledby="${id}">
<h3 id="${id}">${name(job.name)}</h3>
<p class="facts">${facts.map((fact, index) => html`${index > 0 ? " · " : ""}${fact}`)}</p>
${ledgerChart(job, `${id}-ledger`)}
${criticalPath(job)}
<div class="more">${details(job)}</div>
</article>`;
}

function criticalPath({ criticalPath: paths }: JobType): Markup {
  const known = paths.filter(({ steps }) => steps.length > 0);
  if (known.length === 0) return html``;
  return html`<div class="paths"><h4>Critical path</h4><dl>${known.map(
    ({ label, steps }) =>
      html`<div><dt>${label}</dt><dd><ol class="path">${steps
        .filter((step) => step.share >= LEAST_SHARE)
        .slice(0, 6)
        .map(
          (step) =>
            html`<li>${name(step.name)} <span class="quiet">${showMs(step.ms)}, ${showShare(step.share)}</span></li>`,
        )}</ol></dd></div>`,
  )}</dl></div>`;
}

function details({ spans, downstream, repeated, functions, total, parts, cpuTime }: JobType): Content[] {
  const percentiles = Object.entries({
    "enqueue to end": total,
    ...parts,
    ...(cpuTime ? { "CPU time": cpuTime } : {}),
  }).map(([part, of]) => [part, showNumber(of.samples), ...[of.mean, of.p50, of.p95, of.p99, of.max].map(showMs)]);
  return [
    folded("Percentiles", percentiles, ["Time", "samples", "mean", "p50", "p95", "p99", "most"]),
    folded(
      "Spans by their own time",
      spans.map((span) => [
        name(span.name),
        showNumber(span.count),
        showNumber(span.perJob),
        showMs(span.selfMs),
        span.cpuMs === undefined ? "not measured" : showMs(span.cpuMs),
      ]),
      ["Span", "count", "a job", "own time", "own CPU"],
    ),
    folded(
      "Calls to others",
      downstream.map((call) => [
        name(call.name),
        showNumber(call.count),
        showNumber(call.perJob),
        showMs(call.p50),
        showMs(call.p95),
        showNumber(call.failed),
      ]),
      ["Call", "count", "a job", "p50", "p95", "failed"],
    ),
    folded(
      "Repeated siblings",
      repeated.map((each) => [
        name(each.name),
        showNumber(each.perJob),
        showMs(each.msPerJob),
        showNumber(each.samples),
      ]),
      ["Span", "a job", "time a job", "samples"],
    ),
    folded(
      "Functions by their own CPU time",
      (functions ?? []).map((each) => [
        name(functionName(each.name)),
        html`<code>${place(each)}</code>`,
        showMs(each.selfMs),
        showMs(each.totalMs),
        showShare(each.share),
      ]),
      ["Function", "where", "own", "with callees", "share"],
    ),
  ];
}

function folded(title: string, rows: Content[][], heads: string[]): Markup | undefined {
  if (rows.length === 0) return undefined;
  return html`<details><summary>${title} <span class="quiet">${rows.length}</span></summary>${table(title, heads, rows.slice(0, MOST_ROWS))}${omitted(rows.length - MOST_ROWS, "rows")}</details>`;
}
