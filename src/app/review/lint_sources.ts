import { setImmediate } from "node:timers/promises";
import type { Lint, LintFinding } from "./linter.ts";
import type { Source } from "./sources.ts";

/** The findings of a review, counted completely and kept up to a limit. */
export interface Findings {
  /** In the order of the files, then of the lines. */
  kept: LintFinding[];
  count: number;
  bySeverity: Record<LintFinding["severity"], number>;
  byRule: Record<string, number>;
  /** Files on which a rule of ESLint failed. */
  failedFiles: number;
}

/** Lints one file after the other; at most `keep` findings are kept, which bounds what a job leaves in the queue store. */
export async function lintSources(sources: Source[], lint: Lint, { keep = 1_000 } = {}): Promise<Findings> {
  const findings: Findings = { kept: [], count: 0, bySeverity: { error: 0, warning: 0 }, byRule: {}, failedFiles: 0 };
  for (const source of sources) {
    try {
      for (const finding of lint(source)) {
        findings.count++;
        findings.bySeverity[finding.severity]++;
        findings.byRule[finding.rule] = (findings.byRule[finding.rule] ?? 0) + 1;
        if (findings.kept.length < keep) findings.kept.push(finding);
      }
    } catch {
      findings.failedFiles++;
    }
    await setImmediate(); // Linting blocks the thread: between two files BullMQ renews the lock of the job.
  }
  return findings;
}
