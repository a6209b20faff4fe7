import { examineSettings } from "../src/doctor/examine.ts";
import { examineApart } from "../src/doctor/examine_apart.ts";
import { findingBlock } from "../src/doctor/lint_text.ts";
import { readMemoryPerJob } from "../src/sources/memory_per_job.ts";
import { EXIT, runScript } from "../src/terminal/terminal.ts";
import { visible } from "../src/terminal/visible_text.ts";

await runScript(async (settings, { print, paint, signal }) => {
  const { app, stack, services } = settings;
  const { findings, processes, read, notRead } =
    app === undefined
      ? examineSettings(settings, await readMemoryPerJob(stack.home, services.workerService))
      : await examineApart(app, stack.environment, { signal });
  if (findings.length) print(paint("red", `${findings.length} ${findings.length === 1 ? "finding" : "findings"}.`));
  else print(paint("green", "No finding."));
  for (const finding of findings) print(`\n${findingBlock(finding, paint).join("\n")}`);
  print();
  print(visible(`read: ${read.join(", ")}: ${processes.join(", ") || "no process with limits or heap flags"}`));
  for (const line of notRead) print(`${paint("yellow", "!")} not read: ${visible(line)}`);
  const code = findings.length ? EXIT.disproved : EXIT.ok;
  return { code, json: { ok: findings.length === 0, findings, read, notRead } };
});
