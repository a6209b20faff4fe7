import type { Evidence, Finding, Report } from "../../analysis/report.ts";
import { showMs, showNumber, showQuantity, showShare } from "../../figures.ts";
import { shown } from "../../terminal/visible_text.ts";
import { functionName, functionPlace } from "../function_text.ts";
import { gainReason, gainText } from "../gain_text.ts";
import { html, type Markup, name, omitted } from "./markup.ts";
import { HEALTHY } from "./verdict_section.ts";

const MOST_FINDINGS = 12;
const MOST_EVIDENCE = 8;

/** What was found, in the order of the time that it explains: figures, evidence, what to do and what it would bring. */
export function findingsSection({ findings, verdict }: Report): Markup {
  return html`<section id="findings" aria-labelledby="findings-title">
<h2 id="findings-title">Findings</h2>
${
  findings.length === 0
    ? html`<p class="lead">${verdict === HEALTHY ? "No rule found a bottleneck in what was measured." : "No rule could be decided by what was measured."}</p>`
    : html`<ol class="findings">${findings.slice(0, MOST_FINDINGS).map((finding, index) => card(finding, index))}</ol>`
}
${omitted(findings.length - MOST_FINDINGS, "findings")}
</section>`;
}

function card(finding: Finding, index: number): Markup {
  const { title, detail, samples, explainsMs, figures, evidence, action, gain, rule } = finding;
  return html`<li class="card finding">
<h3><span class="rank" aria-hidden="true">${index + 1}</span><bdi>${title}</bdi></h3>
<p class="detail"><bdi>${unbroken(detail)}</bdi></p>
<div class="next">
<div><h4>Do next</h4><p><bdi>${unbroken(action)}</bdi></p></div>
<div class="gain"><h4>It would bring</h4><p class="ratio">${gainText(gain)}</p><p class="formula"><bdi>${unbroken(gainReason(gain))}</bdi></p></div>
</div>
<dl class="figures">
<div><dt>explains</dt><dd>${showMs(explainsMs)}</dd></div>
<div><dt>samples</dt><dd>${showNumber(samples)}</dd></div>
${figures.slice(0, MOST_EVIDENCE).map((figure) => html`<div><dt>${name(figure.name)}</dt><dd>${showQuantity(figure.value, figure.unit)}</dd></div>`)}
<div><dt>rule</dt><dd><code>${name(rule)}</code></dd></div>
</dl>
${evidence.length === 0 ? undefined : html`<details open><summary>Evidence</summary><ul class="evidence">${evidence.slice(0, MOST_EVIDENCE).map(item)}</ul>${omitted(evidence.length - MOST_EVIDENCE, "pieces of evidence")}</details>`}
</li>`;
}

/** A figure and its unit stay on one line. */
function unbroken(text: string): string {
  return text.replace(/(\d) (?=(?:%|ms|s|MB|jobs)(?!\w))/g, "$1\u00a0");
}

function item(evidence: Evidence): Markup {
  switch (evidence.kind) {
    case "span":
      return html`<li><span class="kind">span</span><a href="#traces" data-span="${shown(evidence.spanId, 32)}">${name(evidence.name)}</a> took ${showMs(evidence.ms)} <code class="id">${shown(evidence.spanId, 32)}</code></li>`;
    case "function":
      return html`<li><span class="kind">function</span>${name(functionName(evidence.name))} <code class="where">${place(evidence)}</code> ${showMs(evidence.cpuMs)} of CPU, ${showShare(evidence.share)}</li>`;
    case "metric":
      return html`<li><span class="kind">metric</span>${name(evidence.name)} ${showQuantity(evidence.value, evidence.unit)}</li>`;
  }
}

/** Where a function stands: the end of the path and the line. */
export const place = (code: { file: string; line: number }): Markup => name(functionPlace(code, 80));
