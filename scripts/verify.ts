import { relative } from "node:path";
import { openStack } from "../src/stack/open_stack.ts";
import { partProgress } from "../src/stack/progress.ts";
import { wantedOf } from "../src/stack/wanted.ts";
import { EXIT, runScript } from "../src/terminal/terminal.ts";
import { visible } from "../src/terminal/visible_text.ts";
import { ledgerLine } from "../src/verify/ledger_line.ts";
import { verify } from "../src/verify/verify.ts";
import { drawWaterfall } from "../src/verify/waterfall.ts";

const STYLE = { proved: "green", disproved: "red", "nothing can be said": "yellow" } as const;
const CODE = { proved: EXIT.ok, disproved: EXIT.disproved, "nothing can be said": EXIT.couldNotTry };

await runScript(async (settings, { say, print, paint, columns, signal }) => {
  const began = performance.now();
  const wanted = wantedOf(settings);
  const stack = openStack(wanted);
  const isUp = Object.values(await stack.status()).some(({ isRunning }) => isRunning);
  if (!isUp) say("No stack is up: starting one.");
  return stack.use({ signal, say, onEvent: partProgress(say) }, async () => {
    const { result, spans } = await verify(wanted, stack, { signal, say });
    print(paint(STYLE[result.outcome], visible(result.summary)));
    if (spans.length) print(`\n${drawWaterfall(spans, { columns, paint })}`);
    for (const line of spans.map(ledgerLine).filter(Boolean)) print(`\n${line}`);
    print();
    for (const { name, ok, detail, facts = [], next } of result.checks) {
      print(`${ok ? paint("green", "✔") : paint("red", "✘")} ${name.padEnd(26)} ${visible(detail)}`);
      for (const fact of facts) print(`  ${"".padEnd(26)} ${visible(fact)}`);
      if (!ok && next) print(`  ${"".padEnd(26)} next: ${next}`);
    }
    for (const { name, detail, next } of result.warnings) {
      print(`${paint("yellow", "!")} ${name.padEnd(26)} ${visible(detail)}`);
      print(`  ${"".padEnd(26)} next: ${next}`);
    }
    result.durationMs = performance.now() - began;
    if (result.run) print(`\nrun: ${relative(process.cwd(), result.run)}`);
    return { code: CODE[result.outcome], json: result };
  });
});
