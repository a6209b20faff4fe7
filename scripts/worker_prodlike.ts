import { lintLimits } from "../src/doctor/lint.ts";
import { findingWarning } from "../src/doctor/lint_text.ts";
import { settingsSubject } from "../src/doctor/settings_subject.ts";
import { enforcementTable } from "../src/limits/enforcement.ts";
import { readMemoryPerJob } from "../src/sources/memory_per_job.ts";
import { partProgress } from "../src/stack/progress.ts";
import { openStack } from "../src/stack/stack.ts";
import { EXIT, runScript } from "../src/terminal/terminal.ts";

await runScript(async (config, { say, print, paint, signal }) => {
  // People mean 10^9 as often as 2^30.
  if (/\d[MG]$/.test(config.environment.PRODLIKE_MEMORY ?? "")) {
    const { PRODLIKE_MEMORY: text } = config.environment;
    say(`PRODLIKE_MEMORY="${text}" is ${config.limits.memoryBytes.toLocaleString("en")} bytes`);
  }
  const findings = lintLimits(settingsSubject(config, await readMemoryPerJob(config)));
  for (const finding of findings) say(findingWarning(finding, paint).join("\n"));
  const limits = await openStack(config).limitWorker({ signal, say, onEvent: partProgress(say) });
  print("The worker runs as in production:\n");
  for (const line of enforcementTable(limits)) print(line);
  print("\nnext:  make verify");
  return { code: EXIT.ok, json: { ok: true, limits, findings } };
});
