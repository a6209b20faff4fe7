import type { Flame, FlameNode, Report } from "../../analysis/report.ts";
import { showMs, showNumber, showShare } from "../../figures.ts";
import { shown } from "../../terminal/visible_text.ts";
import { place } from "./findings_section.ts";
import { html, type Markup, name, omitted, table } from "./markup.ts";
import type { PageData } from "./page_data.ts";

const MOST_FUNCTIONS = 12;

/** CPU time by function, one graph a job type, drawn by the page's script; behind each the table of its hottest functions. */
export function flamesSection({ flames = [] }: Report, data: PageData): Markup {
  const heading = html`<h2 id="flames-title">Functions</h2>`;
  if (data.flames.length === 0) {
    return html`<section id="flames" aria-labelledby="flames-title">${heading}<p class="note">CPU time by function was not measured: the run has no profiles.</p></section>`;
  }
  return html`<section id="flames" aria-labelledby="flames-title">
${heading}
<p class="lead">Who used the CPU, callers above callees, as wide as their time. Click or press Enter to zoom, arrow keys to walk, Escape to go back.</p>
<div class="card">
<div class="tools">
<label for="flame-job">Job type</label><select id="flame-job">${data.flames.map(({ job, root }, index) => html`<option value="${index}">${job} · ${showMs(root.totalMs)}</option>`)}</select>
<label for="flame-search">Search</label><input id="flame-search" type="search" placeholder="function or file" autocomplete="off" spellcheck="false">
<button type="button" id="flame-reset">Reset zoom</button>
<output id="flame-found" aria-live="polite"></output>
</div>
<ul class="legend inline" aria-label="Colours of the functions"><li><span class="swatch code-own"></span>application</li><li><span class="swatch code-package"></span>node_modules</li><li><span class="swatch code-runtime"></span>Node and native</li></ul>
<div id="flame"></div>
<p class="flame-details" id="flame-details" aria-live="polite"></p>
<p class="note" id="flame-note"></p>
${flames.slice(0, data.flames.length).map(hottest)}
${omitted(flames.length - data.flames.length, "job types")}
</div>
</section>`;
}

function hottest({ job, root }: Flame): Markup {
  const own = new Map<string, FlameNode>();
  const nodes = [root];
  for (let node = nodes.pop(); node; node = nodes.pop()) {
    for (const child of node.children) nodes.push(child); // no spread: a node may have more children than a call takes arguments
    const key = `${node.name}\n${node.file}\n${node.line}`;
    const known = own.get(key);
    if (known) known.selfMs += node.selfMs;
    else own.set(key, { ...node, children: [] });
  }
  const rows = [...own.values()].filter(({ selfMs }) => selfMs > 0).sort((a, b) => b.selfMs - a.selfMs);
  return html`<details><summary>Table: ${name(job)}, functions by their own time <span class="quiet">${showNumber(rows.length)}</span></summary>${table(
    `CPU time of ${shown(job, 80)} by function`,
    ["Function", "where", "own time", "share"],
    rows
      .slice(0, MOST_FUNCTIONS)
      .map((node) => [
        name(node.name),
        html`<code>${place(node)}</code>`,
        showMs(node.selfMs),
        showShare(node.selfMs / (root.totalMs || 1)),
      ]),
  )}${omitted(rows.length - MOST_FUNCTIONS, "functions")}</details>`;
}
