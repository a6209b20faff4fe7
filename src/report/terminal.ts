import type { Evidence, Finding, JobType, Report } from "../analysis/report.ts";
import { showMs, showNumber, showShare } from "../figures.ts";
import type { Paint } from "../terminal/terminal.ts";
import { shown } from "../terminal/visible_text.ts";
import { functionName, functionPlace } from "./function_text.ts";
import { gainReason, gainText } from "./gain_text.ts";
import { isRepeated } from "./outcome_text.ts";
import { drawnParts, largestParts, partText } from "./parts.ts";
import { taxText } from "./tax_text.ts";

export interface TerminalOptions {
  /** Characters in a line. */
  columns: number;
  paint: Paint;
}

const LINES = 20;
const MOST_FINDINGS = 3;
const BAR = 32;
/** Of what goes on in the next line. */
const INDENT = "       ";

/** The report in 20 lines or less, below its outcome: verdict, findings, where the time of the job types with the most of it goes. */
export function renderTerminal(report: Report, { columns, paint }: TerminalOptions): string {
  const width = Math.max(40, columns);
  const line = (text: string, style?: Parameters<Paint>[0]) => {
    const fitted = fit(text, width);
    return style ? paint(style, fitted) : fitted;
  };
  const { verdict, findings, jobs, notMeasured, run } = report;
  const top = [...(isRepeated(verdict, report) ? [] : [line(verdict, "bold")]), line(facts(report), "dim")];
  if (run.cutOff !== undefined && !isRepeated(run.cutOff, report))
    top.push(line(`The run is not whole: ${shown(run.cutOff, 200)}`, "yellow"));

  // Of a run that did not go as it should, the reasons say more.
  const most = report.outcome === "passed" ? MOST_FINDINGS : 1;
  const middle = findings
    .slice(0, most)
    .flatMap((finding, index) =>
      index === 0
        ? findingLines(finding, index).flatMap((text) => folded(text, width))
        : findingLines(finding, index).map((text) => line(text, "dim")),
    );
  if (findings.length > most) middle.push(line(`   ${findings.length - most} more in the report`, "dim"));

  const missing = notMeasured.map(({ what }) => shown(what, 60)).join(", ");
  const bottom = [
    ...(missing === "" ? [] : [line(`Not measured: ${missing}`, "dim")]),
    // "estimated: ...": from what, is in the report.
    line(`Observing cost: ${taxText(report.tax)} (${shown(report.tax.how.split(":")[0]!, 200)})`, "dim"),
  ];

  const left = LINES - top.length - middle.length - bottom.length;
  return [...top, ...middle, ...jobLines(jobs, { left, line }), ...bottom].join("\n");
}

function facts({ run, jobs, load }: Report): string {
  const attempts = jobs.reduce((sum, { count }) => sum + count, 0);
  const failed = jobs.reduce((sum, job) => sum + job.failed, 0);
  return [
    `${showNumber(attempts)} jobs of ${jobs.length} ${jobs.length === 1 ? "type" : "types"}`,
    ...(failed > 0 ? [`${showNumber(failed)} failed`] : []),
    ...(load ? [`${showNumber(load.throughputPerSecond)} jobs/s`] : []),
    run.limits?.length ? "under limits" : "without limits",
    shown(run.runtime, 40),
    shown(run.store, 60),
  ].join(" · ");
}

/** The first finding with its evidence, the others in short; the first one's title is the verdict. */
function findingLines({ title, evidence, action, gain, explainsMs, samples }: Finding, index: number): string[] {
  const brings = `   brings: ${gainText(gain)} (${shown(gainReason(gain), 200)})`;
  if (index > 0) return [`${index + 1}. ${shown(title, 200)}`, `   do: ${shown(action, 300)}`];
  return [
    `1. explains ${showMs(explainsMs)}, from ${showNumber(samples)} samples: ${evidence.slice(0, 3).map(evidenceText).join("; ")}`,
    `   do: ${shown(action, 300)}`,
    brings,
  ];
}

function evidenceText(evidence: Evidence): string {
  const name = shown(evidence.name, 60);
  if (evidence.kind === "span") return `span ${shown(evidence.spanId, 16)} ${name} ${showMs(evidence.ms)}`;
  if (evidence.kind === "metric") return `${name} ${showNumber(evidence.value)} ${shown(evidence.unit, 20)}`;
  const { line, file } = evidence;
  const place = functionPlace({ line, file: file.split("/").at(-1) ?? "" }, 60);
  return `${shown(functionName(evidence.name), 60)} ${shown(place, 80)} ${showShare(evidence.share)} of CPU`;
}

interface JobLineOptions {
  left: number;
  line: (text: string, style?: Parameters<Paint>[0]) => string;
}

/** A headline and two bars for as many types as there is room for. */
function jobLines(jobs: JobType[], { left, line }: JobLineOptions): string[] {
  const perType = 3;
  const room = Math.floor((left - 1) / perType);
  const some = jobs.slice(0, Math.max(1, room));
  const lines = some.flatMap((job) => {
    const { total, bars } = job;
    const times = `p50 ${showMs(total.p50)}, p95 ${showMs(total.p95)}, p99 ${showMs(total.p99)}`;
    const longest = Math.max(...bars.map(({ parts }) => drawnParts(parts).sum));
    return [
      line(`${shown(job.name, 40)}: ${showNumber(job.count)} jobs, ${times}`, "cyan"),
      ...bars
        .filter(({ label }) => label !== "p99")
        .map(({ label, parts }) => line(`  ${label} ${barOf(parts, longest)}`)),
    ];
  });
  if (jobs.length > some.length)
    lines.push(line(`${jobs.length - some.length} more of the job types in the report`, "dim"));
  return lines.slice(0, Math.max(0, left));
}

function barOf(parts: JobType["bars"][number]["parts"], longest: number): string {
  const { parts: drawn, sum } = drawnParts(parts);
  if (sum === 0) return "not measured";
  const glyphs = drawn.map(({ part, ms }) => partText[part].glyph.repeat(Math.round((ms / longest) * BAR))).join("");
  const said = largestParts(parts).map((each) => `${each.part} ${partText[each.part].glyph} ${showShare(each.share)}`);
  return `${showMs(sum).padStart(8)} ${glyphs.slice(0, BAR + 4).padEnd(BAR)} ${said.join(", ")}`;
}

/** One line, or two, of which the second is indented. */
function folded(text: string, width: number): string[] {
  const seen = shown(text, 2000);
  const end = seen.length > width ? seen.lastIndexOf(" ", width) : -1;
  // A first word that is longer than the line is cut.
  if (end <= INDENT.length) return [fit(text, width)];
  return [seen.slice(0, end), fit(`${INDENT}${seen.slice(end + 1)}`, width)];
}

/** One line of at most `width` characters, whatever is in it. */
function fit(text: string, width: number): string {
  const characters = [...shown(text, 2000)];
  return characters.length > width ? `${characters.slice(0, width - 1).join("")}…` : characters.join("");
}
