import { createHash } from "node:crypto";
import type { Report } from "../analysis/report.ts";
import { bundleClient } from "./client_bundle.ts";
import { titleOf } from "./outcome_text.ts";
import { findingsSection } from "./page/findings_section.ts";
import { flamesSection } from "./page/flames_section.ts";
import { jobsSection } from "./page/jobs_section.ts";
import { html, Markup, name } from "./page/markup.ts";
import { type PageData, pageData } from "./page/page_data.ts";
import { runSections } from "./page/run_sections.ts";
import { timelineSection } from "./page/timeline_section.ts";
import { tracesSection } from "./page/traces_section.ts";
import { verdictSection } from "./page/verdict_section.ts";

/** Characters of a page, at most; all but texts of the run is ASCII. */
const LARGEST_BYTES = 1_900_000;
const sections = [
  ["findings", "Findings"],
  ["jobs", "Where the time goes"],
  ["timeline", "Timeline"],
  ["traces", "Traces"],
  ["flames", "Functions"],
  ["limits", "Limits"],
  ["method", "Method"],
  ["not-measured", "Not measured"],
] as const;

/**
 * A report as one HTML file of less than 2 MB that opens by `file://`, asks the network for nothing and runs no script
 * but its own, which its Content Security Policy names by hash.
 */
export function renderHtml(report: Report): string {
  const client = bundleClient();
  let page = "";
  // Texts are bounded one by one and may still add up: then less is drawn.
  for (const scale of [1, 0.5, 0.2, 0.05, 0]) {
    page = document(report, { data: pageData(report, scale), ...client });
    if (Buffer.byteLength(page) <= LARGEST_BYTES) break;
  }
  return page;
}

function document(
  report: Report,
  { data, script, styles }: { data: PageData; script: string; styles: string },
): string {
  const present = sections.filter(([id]) => id !== "jobs" || report.jobs.length > 0);
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy(script, styles)}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${titleOf(report).title.slice(0, 120)} · prodlike ${report.run.id.slice(0, 60)}</title>
<style>${new Markup(styles)}</style>
</head>
<body>
<a class="skip" href="#verdict">Skip to the verdict</a>
<header>
<p class="mark">prodlike</p>
<p class="run quiet">${name(report.run.id)}</p>
<nav aria-label="Sections"><ul>${present.map(([id, label]) => html`<li><a href="#${id}">${label}</a></li>`)}</ul></nav>
<button type="button" id="theme" aria-pressed="false">Dark</button>
</header>
<main>
<noscript><p class="banner">Timeline, traces and flame graphs are drawn by a script of this file, which is switched off. All the rest is here.</p></noscript>
${verdictSection(report)}
${findingsSection(report)}
${jobsSection(report)}
${timelineSection(report, data)}
${tracesSection(report, data)}
${flamesSection(report, data)}
${runSections(report)}
</main>
<footer><p>Made by prodlike from one recorded run. Everything is in this file; report.json beside it has every figure.</p></footer>
<script type="application/json" id="data">${new Markup(inert(JSON.stringify(data)))}</script>
<script>${new Markup(script)}</script>
</body>
</html>
`;
  return page.text;
}

/** Nothing is loaded, nothing is sent, and of scripts and styles only these two run; no text becomes markup by script. */
function policy(script: string, styles: string): string {
  const hash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  return `default-src 'none'; script-src ${hash(script)}; style-src ${hash(styles)}; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'`;
}

/** JSON that cannot end the element it stands in. */
const inert = (json: string) => json.replace(/[<>&]/g, (character) => `\\u00${character.charCodeAt(0).toString(16)}`);
