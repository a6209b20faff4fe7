import type { Report } from "../../analysis/report.ts";
import { showMs, showNumber, showShare } from "../../figures.ts";
import { titleOf } from "../outcome_text.ts";
import { html, type Markup } from "./markup.ts";

/** The verdict of a run in which nothing is wrong. */
export const HEALTHY = "No bottleneck shown";

/** The first thing that is read: the verdict, whether the run is whole, and the run in five figures. */
export function verdictSection(report: Report): Markup {
  const { verdict, run, findings, jobs, load } = report;
  const { title, lines } = titleOf(report);
  const figures: [string, string][] = [];
  const attempts = jobs.reduce((sum, { count }) => sum + count, 0);
  const types = `${jobs.length} ${jobs.length === 1 ? "type" : "types"}`;
  figures.push(["Jobs", attempts === 0 ? "none" : `${showNumber(attempts)} of ${types}`]);
  if (load) figures.push(["Throughput", `${showNumber(load.throughputPerSecond)} jobs/s`]);
  const [first] = jobs;
  if (first) {
    const whose = jobs.length === 1 ? "" : `, ${first.name}`;
    figures.push([`p50${whose}`, showMs(first.total.p50)], [`p95${whose}`, showMs(first.total.p95)]);
  }
  const failed = jobs.reduce((sum, job) => sum + job.failed, 0);
  if (attempts > 0)
    figures.push(["Failed", failed === 0 ? "none" : `${showNumber(failed)} (${showShare(failed / attempts)})`]);

  const isHealthy = verdict === HEALTHY && report.outcome === "passed";
  const mood = findings.length > 0 ? "found" : isHealthy ? "healthy" : "unknown";
  return html`<section id="verdict" aria-labelledby="verdict-title" class="${mood}">
<p class="eyebrow">Verdict</p>
<h1 id="verdict-title"><bdi>${title}</bdi></h1>
${lines.length === 0 ? undefined : html`<p class="${report.outcome === "passed" ? "facts" : "banner"}">${lines.map((line, index) => html`${index > 0 ? html`<br>` : undefined}<bdi>${line}</bdi>`)}</p>`}
${run.cutOff === undefined ? undefined : html`<p class="banner"><strong>The run is not whole:</strong> ${run.cutOff}. What follows is of the part that was recorded.</p>`}
${jobs.length === 0 ? html`<p class="banner"><strong>No job was recorded.</strong> There is nothing to judge: see what was not measured, below.</p>` : undefined}
<dl class="tiles">${figures.map(([term, value]) => html`<div><dt><bdi>${term.slice(0, 60)}</bdi></dt><dd>${value}</dd></div>`)}</dl>
</section>`;
}
