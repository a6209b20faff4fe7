import type { ComparedFigure, Comparison } from "../analysis/compare_runs.ts";
import { showMs, showNumber, showShare } from "../figures.ts";
import { shown } from "../terminal/visible_text.ts";
import { functionName, functionPlace } from "./function_text.ts";
import type { TerminalOptions } from "./terminal.ts";

/** A comparison as lines: verdict, then for each job type its figures and the functions behind them. */
export function renderComparison(comparison: Comparison, { paint }: Pick<TerminalOptions, "paint">): string {
  const lines = [paint("bold", shown(comparison.verdict, 300)), `A ${comparison.a}  B ${comparison.b}`];
  if (comparison.machine) lines.push(paint("yellow", `Only CPU can be compared: ${comparison.machine}`));
  for (const { name, samples, figures, functions } of comparison.jobs) {
    lines.push("", `${shown(name, 60)}: ${showNumber(samples.a)} jobs in A, ${showNumber(samples.b)} in B`);
    for (const figure of figures) lines.push(figureLine(figure, paint));
    for (const { name: code, file, line, a, b } of functions) {
      lines.push(
        `  ${shown(functionName(code), 60)} ${shown(functionPlace({ file, line }, 100), 100)}: CPU a job ${showMs(a)} -> ${showMs(b)}`,
      );
    }
  }
  if (comparison.notMeasured.length) lines.push("");
  for (const { what, reason } of comparison.notMeasured) {
    lines.push(paint("dim", `not measured: ${shown(what, 100)}: ${shown(reason, 200)}`));
  }
  return lines.join("\n");
}

function figureLine({ of, what, a, b, ratio, from, until, verdict }: ComparedFigure, paint: TerminalOptions["paint"]) {
  const percent = (each: number) => `${each > 0 ? "+" : ""}${showShare(each)}`;
  const figures = `  ${of.padEnd(6)} ${what.padEnd(12)} ${showMs(a).padStart(10)} -> ${showMs(b).padEnd(10)}`;
  if (verdict === "no difference")
    return paint("dim", `${figures} no difference shown (${percent(from)} to ${percent(until)})`);
  return paint(
    verdict === "more" ? "red" : "green",
    `${figures} ${percent(ratio)} (${percent(from)} to ${percent(until)})`,
  );
}
