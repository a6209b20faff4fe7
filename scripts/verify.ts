import { relative } from "node:path";
import { partProgress } from "../src/stack/progress.ts";
import { openStack } from "../src/stack/stack.ts";
import { EXIT, runScript } from "../src/terminal.ts";
import { ledgerLine } from "../src/verify/ledger_line.ts";
import { verify } from "../src/verify/verify.ts";
import { drawWaterfall } from "../src/verify/waterfall.ts";

await runScript(async (config, { say, paint, columns, signal }) => {
  const began = performance.now();
  const stack = openStack(config);
  const isUp = Object.values(await stack.status()).some(({ isRunning }) => isRunning);
  if (!isUp) say("No stack is up: starting one.");
  return stack.use({ signal, say, onEvent: partProgress(say) }, async () => {
    const { result, spans } = await verify(config, stack, { signal, say });
    if (spans.length) say(`\n${drawWaterfall(spans, { columns, paint })}`);
    for (const line of spans.map(ledgerLine).filter(Boolean)) say(`\n${line}`);
    say();
    for (const { name, ok, detail, facts = [], next } of result.checks) {
      say(`${ok ? paint("green", "✔") : paint("red", "✘")} ${name.padEnd(26)} ${detail}`);
      for (const fact of facts) say(`  ${"".padEnd(26)} ${fact}`);
      if (!ok && next) say(`  ${"".padEnd(26)} next: ${next}`);
    }
    for (const { name, detail, next } of result.warnings) {
      say(`${paint("yellow", "!")} ${name.padEnd(26)} ${detail}`);
      say(`  ${"".padEnd(26)} next: ${next}`);
    }
    say();
    result.durationMs = performance.now() - began;
    const failed = result.checks.filter(({ ok }) => !ok).length;
    if (result.ok)
      say(
        paint(
          "green",
          `Proved: one job travelled from ${config.apiService} through the queue into ${config.workerService}, as one trace.`,
        ),
      );
    else say(paint("red", `Disproved: ${failed} of ${result.checks.length} checks failed.`));
    if (result.run) say(`run: ${relative(process.cwd(), result.run)}`);
    return { code: result.ok ? EXIT.ok : EXIT.disproved, json: result };
  });
});
