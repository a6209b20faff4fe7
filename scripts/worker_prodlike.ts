import { lintLimits } from "../src/doctor/lint.ts";
import { findingWarning } from "../src/doctor/lint_text.ts";
import { settingsSubject } from "../src/doctor/settings_subject.ts";
import { enforcementTable } from "../src/limits/enforcement.ts";
import { readMemoryPerJob } from "../src/sources/memory_per_job.ts";
import { openStack } from "../src/stack/open_stack.ts";
import { partProgress } from "../src/stack/progress.ts";
import { wantedOf } from "../src/stack/wanted.ts";
import { EXIT, runScript } from "../src/terminal/terminal.ts";

await runScript(async (settings, { say, print, paint, signal }) => {
  const { stack, services } = settings;
  const { environment, limits, home } = stack;
  // People mean 10^9 as often as 2^30.
  if (/\d[MG]$/.test(environment.PRODLIKE_MEMORY ?? "")) {
    const { PRODLIKE_MEMORY: text } = environment;
    say(`PRODLIKE_MEMORY="${text}" is ${limits.memoryBytes.toLocaleString("en")} bytes`);
  }
  const findings = lintLimits(settingsSubject(settings, await readMemoryPerJob(home, services.workerService)));
  for (const finding of findings) say(findingWarning(finding, paint).join("\n"));
  const held = await openStack(wantedOf(settings)).limitWorker({ signal, say, onEvent: partProgress(say) });
  print("The worker runs as in production:\n");
  for (const line of enforcementTable(held)) print(line);
  print("\nnext:  make verify");
  return { code: EXIT.ok, json: { ok: true, limits: held, findings } };
});
