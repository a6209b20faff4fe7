import { stage } from "../../telemetry/stages.ts";
import { type ChangedFile, changedFiles } from "./changes.ts";
import { type Findings, lintSources } from "./lint_sources.ts";
import { type Lint, type LintFinding, loadLinter } from "./linter.ts";
import { openRepository, type ReviewRoot } from "./repository.ts";
import type { Revisions } from "./revisions.ts";
import { readSources, type Sources } from "./sources.ts";

/** What a job carries: object ids, and the repository relative to the review root. */
export interface ReviewJob extends Revisions {
  repository: string;
}

/** The result of a job. */
export interface Review extends ReviewJob {
  summary: Summary;
  /** In the order of files and lines, at most 1,000; `summary.findings` says how many there are. */
  findings: LintFinding[];
}

/** Counts over the TypeScript and JavaScript files that differ; `files` is `reviewed` and all of `skipped`. */
export interface Summary {
  files: number;
  reviewed: number;
  skipped: Record<NonNullable<ChangedFile["unread"]> | keyof Sources["unread"] | "lintFailed", number>;
  addedLines: number;
  deletedLines: number;
  findings: number;
  bySeverity: Findings["bySeverity"];
  byRule: Findings["byRule"];
}

/**
 * What reviews the lines that a head added or changed since its base.
 * It loads ESLint with the first review and throws a `UserError` when the repository is gone or git fails.
 */
export function createReviewer(root: ReviewRoot): (job: ReviewJob) => Promise<Review> {
  let loading: Promise<Lint> | undefined;
  let loaded: Lint | undefined;
  async function load(): Promise<Lint> {
    loading ??= loadLinter();
    loaded = await loading;
    return loaded;
  }

  return async (job) => {
    const { git, files } = await stage("review.diff", async (span) => {
      const repository = await openRepository(root, job.repository);
      const changed = await changedFiles(repository.git, job.base, job.head);
      span.set({ "review.repository": repository.name, "review.base": job.base, "review.head": job.head });
      span.set({ "review.files": changed.length });
      return { git: repository.git, files: changed };
    });

    const { sources, unread } = await stage("review.read", async (span) => {
      const read = await readSources(
        git,
        files.filter((file) => !file.unread),
      );
      span.set({ "review.files": read.sources.length, "review.bytes": read.bytes });
      return read;
    });

    const lint = loaded ?? (await stage("review.load_eslint", load));

    const findings = await stage("review.lint", async (span) => {
      const found = await lintSources(sources, lint);
      span.set({ "review.files": sources.length, "review.findings": found.count });
      return found;
    });

    return stage("review.summary", async (span) => {
      const summary = summarize(files, unread, findings);
      span.set({ "review.findings": summary.findings, "review.files": summary.files });
      return { ...job, summary, findings: findings.kept };
    });
  };
}

function summarize(files: ChangedFile[], unread: Sources["unread"], findings: Findings): Summary {
  const { count, bySeverity, byRule, failedFiles } = findings;
  const skipped = { binary: 0, deleted: 0, nothingAdded: 0, notAFile: 0, ...unread, lintFailed: failedFiles };
  let [addedLines, deletedLines] = [0, 0];
  for (const file of files) {
    if (file.unread) skipped[file.unread]++;
    addedLines += file.addedLines.size;
    deletedLines += file.deletedLines;
  }
  const reviewed = files.length - Object.values(skipped).reduce((sum, each) => sum + each, 0);
  return { files: files.length, reviewed, skipped, addedLines, deletedLines, findings: count, bySeverity, byRule };
}
