import { renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { analyzeJobs } from "./analysis/analyze.ts";
import type { AnalyzedRun } from "./analysis/compare_runs.ts";
import type { Report } from "./analysis/report.ts";
import { readDescription } from "./analysis/run_description.ts";
import type { LoadSummary } from "./load_summary.ts";
import type { ProfileSample } from "./otlp/profile_sample.ts";
import { readPoints } from "./otlp/read_points.ts";
import { readSpans } from "./otlp/read_spans.ts";
import { renderHtml } from "./report/html.ts";
import { renderJson } from "./report/json.ts";
import { renderMarkdown } from "./report/markdown.ts";
import type { OpenedRun } from "./sources/open_run.ts";
import { readProfile } from "./sources/read_profile.ts";
import { cannotWrite } from "./terminal/system_error.ts";

/** Analyses a recorded run. Files of the checkout `root` are named from there: nobody's home is told. */
export async function analyzeRun(run: OpenedRun, root: string): Promise<AnalyzedRun> {
  const description = readDescription({ ...run.description, id: run.id });
  return analyzeJobs({
    spans: run.traces ? readSpans([run.traces]) : [],
    points: run.metrics ? readPoints([run.metrics]) : [],
    samples: samplesOf(run, { worker: description.worker, root }),
    description,
    load: summaryOf(run.description.load),
  });
}

/**
 * Writes what a run shows beside its telemetry: `report.json`, `report.md` and `report.html`.
 *
 * @throws {UserError} when they cannot be written, as on a full disk
 */
export function writeReport({ folder }: OpenedRun, report: Report): void {
  write(join(folder, "report.json"), renderJson(report));
  write(join(folder, "report.md"), renderMarkdown(report));
  write(join(folder, "report.html"), renderHtml(report));
}

/** Those of the worker: the API's belong to no job. */
function* samplesOf(
  { profiles }: OpenedRun,
  { worker, root }: { worker: string | undefined; root: string },
): Generator<ProfileSample> {
  const inRoot = (file: string) => (file.startsWith(`${root}/`) ? file.slice(root.length + 1) : file);
  for (const { path, service } of profiles) {
    if (worker && service !== worker) continue;
    for (const sample of readProfile(path)) {
      yield { ...sample, stack: sample.stack.map((frame) => ({ ...frame, file: inRoot(frame.file) })) };
    }
  }
}

/** What the load's client saw; only `make bottlenecks` records that. */
function summaryOf({ kind, summary, failures }: OpenedRun["description"]["load"]): LoadSummary | undefined {
  if (kind !== "bottlenecks") return undefined;
  if (typeof summary !== "object" || summary === null) return undefined;
  const why = Array.isArray(failures) && failures.length ? { failures } : {};
  return { ...(summary as LoadSummary), ...why }; // our own record
}

function write(file: string, text: string): void {
  try {
    writeFileSync(`${file}.new`, text, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  } catch (cause) {
    rmSync(`${file}.new`, { force: true });
    throw cannotWrite(`Cannot write "${file}"`, cause, dirname(file));
  }
}
