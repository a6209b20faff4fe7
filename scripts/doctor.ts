import { lintLimits } from "../src/limits/lint.ts";
import { findingBlock } from "../src/limits/lint_text.ts";
import { readApplication } from "../src/limits/read_application.ts";
import { readHostSwap, settingsSubject } from "../src/limits/settings_subject.ts";
import { readMemoryPerJob } from "../src/runs/memory_per_job.ts";
import { EXIT, runScript } from "../src/terminal.ts";

await runScript(async (config, { say, paint }) => {
  const application = config.app === undefined ? undefined : readApplication(config.app, config.environment);
  const measured = application ? undefined : await readMemoryPerJob(config);
  const subjects = application?.subjects ?? [settingsSubject(config, measured)];
  const hostSwapBytes = readHostSwap();
  const findings = subjects.flatMap((subject) =>
    lintLimits(hostSwapBytes === undefined ? subject : { ...subject, hostSwapBytes }),
  );
  const read = application?.read ?? ["settings"];
  for (const finding of findings) say(`${findingBlock(finding, paint).join("\n")}\n`);
  say(
    `read: ${read.join(", ")}: ${subjects.map(({ name }) => name).join(", ") || "no process with limits or heap flags"}`,
  );
  for (const line of application?.notRead ?? []) say(`${paint("yellow", "!")} not read: ${line}`);
  if (findings.length) say(paint("red", `${findings.length} ${findings.length === 1 ? "finding" : "findings"}.`));
  else say(paint("green", "No finding."));
  return {
    code: findings.length ? EXIT.disproved : EXIT.ok,
    json: { ok: findings.length === 0, findings, read, notRead: application?.notRead ?? [] },
  };
});
