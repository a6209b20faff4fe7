import { type JobType, PARTS, type Part } from "../../analysis/report.ts";
import { showMs, showShare } from "../../figures.ts";
import { drawnParts, partText } from "../parts.ts";
import { html, type Markup, table } from "./markup.ts";

const ROW = 44;
const BAR = 28;
/** Left for the percentile's name, right for the sum, in percent of the width. */
const LEFT = 6;
const RIGHT = 11;
/** Of a character of a label on a wide screen. */
const CHARACTER = 0.82;

/** One job type's time at p50, p95 and p99 as stacked bars on one scale, with the table that they are drawn from. */
export function ledgerChart({ name, bars, parts }: JobType, id: string): Markup {
  if (bars.length === 0) {
    return html`<p class="note">Where its time went was not measured: its spans have no ledger.</p>`;
  }
  const longest = Math.max(...bars.map((bar) => drawnParts(bar.parts).sum), 1e-9);
  const scale = (100 - LEFT - RIGHT) / longest;
  return html`<figure class="ledger">
<svg class="bars" width="100%" height="${bars.length * ROW}" role="img" aria-labelledby="${id}-t">
<title id="${id}-t">Where the time of ${name.slice(0, 120)} went: ${bars.map((bar) => describe(bar)).join("; ")}</title>
${bars.map((bar, index) => drawBar(bar, { y: index * ROW, scale }))}
</svg>
<details><summary>As a table</summary>${ledgerTable({ bars, parts })}</details>
</figure>`;
}

/** What each colour means, once for all charts. */
export function ledgerLegend(): Markup {
  return html`<ul class="legend" aria-label="Parts of a job's time">${PARTS.map(
    (part) =>
      html`<li><svg class="swatch" width="14" height="14" aria-hidden="true">${fill(part)}</svg><span><b>${part}</b> ${partText[part].meaning}</span></li>`,
  )}</ul>`;
}

/** Patterns that the segments use besides colour; once a page. */
export function ledgerPatterns(): Markup {
  return html`<svg width="0" height="0" aria-hidden="true" class="defs"><defs>
<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="2" height="6" class="texture"/></pattern>
<pattern id="dots" width="6" height="6" patternUnits="userSpaceOnUse"><circle cx="2" cy="2" r="1.1" class="texture"/></pattern>
</defs></svg>`;
}

type Bar = JobType["bars"][number];
const textured: Partial<Record<Part, string>> = { throttled: "hatch", unexplained: "dots" };

function drawBar(bar: Bar, { y, scale }: { y: number; scale: number }): Markup {
  const { parts, sum } = drawnParts(bar.parts);
  const middle = y + 8 + BAR / 2;
  let x = LEFT;
  const segments = parts.map(({ part, ms }) => {
    const width = ms * scale;
    const label = [`${part} ${showShare(ms / sum)}`, part].find((text) => text.length * CHARACTER + 1 < width);
    const at = html`x="${x.toFixed(3)}%" y="${y + 8}" width="${width.toFixed(3)}%" height="${BAR}"`;
    x += width;
    // An SVG of its own cuts a label that the width of a screen leaves no room for.
    return html`<svg class="segment" ${at}><title>${part} ${showMs(ms)}, ${showShare(ms / sum)}</title>${fill(part)}${
      label ? html`<text class="on-${part}" x="7" y="${BAR / 2}">${label}</text>` : undefined
    }</svg>`;
  });
  return html`<text class="axis" x="0" y="${middle}">${bar.label}</text>${segments}<text class="sum" x="${(x + 0.8).toFixed(3)}%" y="${middle}">${showMs(sum)}</text>\n`;
}

function fill(part: Part): Markup {
  const texture = textured[part];
  return html`<rect class="part part-${part}" width="100%" height="100%"/>${texture ? html`<rect fill="url(#${texture})" width="100%" height="100%"/>` : undefined}`;
}

function describe(bar: Bar): string {
  const { parts, sum } = drawnParts(bar.parts);
  return `${bar.label} ${showMs(sum)}: ${parts.map(({ part, ms }) => `${part} ${showShare(ms / sum)}`).join(", ")}`;
}

function ledgerTable({ bars, parts }: Pick<JobType, "bars" | "parts">): Markup {
  const rows = PARTS.map((part) => {
    const measured = bars.map((bar) => bar.parts[part]);
    const of = parts[part];
    return [
      part,
      ...measured.map((ms) => (ms === undefined ? "not measured" : showMs(ms))),
      of ? showMs(of.mean) : "not measured",
      of ? showMs(of.max) : "not measured",
    ];
  });
  const heads = bars.map(({ label, samples }) => `around ${label} (${samples} jobs)`);
  return table(
    "Mean of each part of the attempts around a percentile; then mean and most of all attempts",
    ["Part", ...heads, "mean", "most"],
    rows,
  );
}
