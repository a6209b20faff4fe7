import type { Report } from "../../analysis/report.ts";
import { showMs, showNumber } from "../../figures.ts";
import type { LoadSummary } from "../../load_summary.ts";
import type { Percentiles } from "../../percentiles.ts";
import { taxText } from "../tax_text.ts";
import { html, type Markup, name, omitted, table } from "./markup.ts";

const MOST_ROWS = 30;

/** Limits asked and enforced, how it was measured, what was not, and what observing cost. */
export function runSections(report: Report): Markup {
  const { run, load, tax, notMeasured } = report;
  return html`<section id="limits" aria-labelledby="limits-title">
<h2 id="limits-title">Limits of the worker</h2>
${
  run.limits?.length
    ? html`<div class="card">${table(
        "What was asked for, and by what it is enforced",
        ["Limit", "asked", "enforced by"],
        run.limits.slice(0, MOST_ROWS).map((limit) => [name(limit.name), name(limit.asked), name(limit.enforcedBy)]),
        { prose: true },
      )}${omitted(run.limits.length - MOST_ROWS, "limits")}</div>`
    : html`<p class="note">The worker ran without limits: what it does under those of production is not shown here.</p>`
}
</section>
<section id="method" aria-labelledby="method-title">
<h2 id="method-title">How it was measured</h2>
<div class="columns">
<div class="card">${runTable(run)}<p class="lead">Times of jobs come from their spans: wait from the queue's own times, the parts from the ledger, which books the thread's time to the job that has it. Functions come from a sampling profile cut by the job that ran.</p></div>
${load ? loadCard(load) : html`<div class="card"><h3>Load</h3><p class="note">No load was recorded with this run: the client's view is not known.</p></div>`}
</div>
</section>
<section id="not-measured" aria-labelledby="not-measured-title">
<h2 id="not-measured-title">What was not measured</h2>
${
  notMeasured.length === 0
    ? html`<p class="note">Everything that this report can show was measured.</p>`
    : html`<div class="card">${table(
        "Nothing stands in for these: no zero, no guess",
        ["What", "why"],
        notMeasured.slice(0, MOST_ROWS).map(({ what, reason }) => [name(what), html`<bdi>${reason}</bdi>`]),
        { prose: true },
      )}${omitted(notMeasured.length - MOST_ROWS, "rows")}</div>`
}
</section>
<section id="tax" aria-labelledby="tax-title">
<h2 id="tax-title">What observing cost</h2>
<p class="lead">Observing cost: ${taxText(tax)} (<bdi>${tax.how}</bdi>).</p>
</section>`;
}

function runTable(run: Report["run"]): Markup {
  const rows = {
    Run: run.id,
    Begun: run.start,
    Ended: run.end,
    Revision: run.gitRevision,
    Runtime: run.runtime,
    Stack: run.stack,
    "Queue store": run.store,
    Machine: run.machine,
  };
  return html`<h3>Run</h3><dl class="pairs">${Object.entries(rows).map(([term, value]) => html`<div><dt>${term}</dt><dd>${value === "" ? "not known" : name(value)}</dd></div>`)}</dl>`;
}

function loadCard(load: LoadSummary): Markup {
  const { kind, description, sent, completed, failed, unfinished, withoutJob, ratePerSecond, throughputPerSecond } =
    load;
  const row = (label: string, { samples, mean, p50, p95, p99, max }: Percentiles) => [
    label,
    showNumber(samples),
    ...[mean, p50, p95, p99, max].map(showMs),
  ];
  return html`<div class="card"><h3>Load, as the client saw it</h3>
<p class="detail"><bdi>${description}</bdi></p>
<p class="facts">${kind === "open" ? "Open loop: it kept its schedule whatever the worker did." : "Closed loop: it waited for a job before it sent the next."} ${showNumber(sent)} sent, ${showNumber(completed)} completed, ${showNumber(failed)} failed, ${showNumber(unfinished)} unfinished${withoutJob === undefined ? "" : `, ${showNumber(withoutJob)} without a job`}; ${ratePerSecond === undefined ? "" : `${showNumber(ratePerSecond)} jobs/s asked, `}${showNumber(throughputPerSecond)} jobs/s done.</p>
${table(
  "Times that the client measured",
  ["Time", "samples", "mean", "p50", "p95", "p99", "most"],
  [
    ...(load.total ? [row("sending to end", load.total)] : []),
    ...(load.request ? [row("request alone", load.request)] : []),
    ...(load.lateness ? [row("lateness", load.lateness)] : []),
  ],
)}</div>`;
}
