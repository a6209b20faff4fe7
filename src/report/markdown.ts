import type { Evidence, Finding, JobType, Report } from "../analysis/report.ts";
import { showMs, showNumber, showQuantity, showShare } from "../figures.ts";
import { functionName, functionPlace } from "./function_text.ts";
import { gainReason, gainText } from "./gain_text.ts";
import { code, prose } from "./markdown_text.ts";
import { titleOf } from "./outcome_text.ts";
import { largestParts } from "./parts.ts";
import { taxText } from "./tax_text.ts";

/** Characters of the whole text: as much as people read in a pull request. */
const MOST = 8000;
/** Kept free for what the end says. */
const RESERVE = 200;

/** The report as GitHub-flavoured Markdown of less than 8,000 characters, with every text of the run made harmless. */
export function renderMarkdown(report: Report): string {
  const { findings, jobs, run, notMeasured, tax } = report;
  const text = new Bounded();
  const { title, lines } = titleOf(report);
  text.add(`## ${prose(title, 200)}\n`);
  if (lines.length > 0) text.add(`\n${lines.map((line) => prose(line, 300)).join("<br>")}\n`);
  text.add(`\n${facts(report)}\n`);
  if (run.cutOff !== undefined) text.add(`\n> **The run is not whole:** ${prose(run.cutOff, 200)}\n`);
  text.list(
    "\n### Findings\n",
    findings.map((finding, index) => findingText(finding, index)),
  );
  text.list(
    `\n### Where the time goes\n\n${row(["job", "attempts", "failed", "p50", "p95", "p99", "most of it, at p95"])}${row(["---", "--:", "--:", "--:", "--:", "--:", "---"])}`,
    jobs.map(jobRow),
  );
  text.list(
    `\n### Limits\n\n${row(["limit", "asked", "enforced by"])}${row(["---", "---", "---"])}`,
    (run.limits ?? []).map(({ name, asked, enforcedBy }) =>
      row([code(name, 40), code(asked, 40), code(enforcedBy, 60)]),
    ),
  );
  text.list(
    "\n### Not measured\n\n",
    notMeasured.map(({ what, reason }) => `- ${prose(what, 80)}: ${prose(reason, 160)}\n`),
  );
  text.add(`\nObserving cost: ${taxText(tax)} (${prose(tax.how, 160)})\n`);
  return text.end();
}

function facts({ run, jobs, load }: Report): string {
  const attempts = jobs.reduce((sum, { count }) => sum + count, 0);
  return [
    `${showNumber(attempts)} jobs`,
    ...(load ? [`${showNumber(load.throughputPerSecond)} jobs/s`, `${load.kind} loop`] : []),
    `run ${code(run.id, 40)}`,
    `revision ${code(run.gitRevision, 60)}`,
    code(run.runtime, 40),
    code(run.store, 60),
    code(run.machine, 80),
  ].join(" · ");
}

function findingText({ title, detail, samples, explainsMs, figures, evidence, action, gain }: Finding, index: number) {
  const measured = figures
    .slice(0, 4)
    .map(({ name, value, unit }) => `${prose(name, 60)} ${prose(showQuantity(value, unit), 30)}`);
  return `
${index + 1}. **${prose(title, 160)}**: explains ${showMs(explainsMs)}, from ${showNumber(samples)} samples. ${prose(detail, 300)}
   - Figures: ${measured.join(", ")}
   - Evidence: ${evidence.slice(0, 3).map(evidenceText).join("; ") || "the figures"}
   - **Do:** ${prose(action, 300)}
   - Would bring: ${gainText(gain)} (${prose(gainReason(gain), 160)})
`;
}

function evidenceText(evidence: Evidence): string {
  switch (evidence.kind) {
    case "span":
      return `span ${code(evidence.spanId, 16)} ${code(evidence.name, 60)} ${showMs(evidence.ms)}`;
    case "function":
      return `${code(functionName(evidence.name), 60)} in ${code(functionPlace(evidence, 80), 90)}, ${showShare(evidence.share)} of the CPU time`;
    case "metric":
      return `${code(evidence.name, 60)} ${prose(showQuantity(evidence.value, evidence.unit), 30)}`;
  }
}

function jobRow({ name, count, failed, total, bars }: JobType): string {
  const p95 = bars.find(({ label }) => label === "p95");
  const parts = p95 ? largestParts(p95.parts).map((each) => `${each.part} ${showShare(each.share)}`) : [];
  return row([
    code(name, 60),
    showNumber(count),
    showNumber(failed),
    ...[total.p50, total.p95, total.p99].map(showMs),
    parts.join(", ") || "not measured",
  ]);
}

const row = (cells: string[]) => `| ${cells.join(" | ")} |\n`;

/** Takes what there is room for, a whole block at a time, and counts the rest. */
class Bounded {
  #text = "";
  #left = 0;

  add(block: string): boolean {
    const fits = this.#text.length + block.length < MOST - RESERVE;
    if (fits) this.#text += block;
    else this.#left++;
    return fits;
  }

  /** A heading and what stands below it; nothing when there is nothing, or no room for one block. */
  list(heading: string, blocks: string[]): void {
    const [first, ...rest] = blocks;
    if (first === undefined) return;
    if (!this.add(heading + first)) this.#left += rest.length;
    else for (const block of rest) this.add(block);
  }

  end(): string {
    return this.#left === 0
      ? this.#text
      : `${this.#text}\n_${showNumber(this.#left)} more entries are in report.html._\n`;
  }
}
