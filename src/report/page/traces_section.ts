import type { Report } from "../../analysis/report.ts";
import { showMs } from "../../figures.ts";
import { html, type Markup, omitted } from "./markup.ts";
import type { PageData } from "./page_data.ts";

/** A waterfall of one job at a time, which the page's script draws as a table with bars. */
export function tracesSection({ traces }: Report, data: PageData): Markup {
  if (data.traces.length === 0) {
    return html`<section id="traces" aria-labelledby="traces-title"><h2 id="traces-title">Traces</h2><p class="note">No job of this run is shown by itself.</p></section>`;
  }
  const options = data.traces.map(
    ({ job, why, totalMs }, index) => html`<option value="${index}">${why} · ${job} · ${showMs(totalMs)}</option>`,
  );
  return html`<section id="traces" aria-labelledby="traces-title">
<h2 id="traces-title">Traces</h2>
<p class="lead">Single jobs, from the request to the last span: the worst of each type, and those that findings point to.</p>
<div class="card">
<div class="tools"><label for="trace">Job</label><select id="trace">${options}</select></div>
<div id="waterfall" class="scroll" role="region" aria-label="Waterfall" tabindex="0"></div>
<p class="note" id="trace-note"></p>
${omitted(traces.length - data.traces.length, "traces")}
</div>
</section>`;
}
