import { openStack } from "../src/stack/open_stack.ts";
import { partProgress } from "../src/stack/progress.ts";
import { wantedOf } from "../src/stack/wanted.ts";
import { EXIT, runScript } from "../src/terminal/terminal.ts";

await runScript(async (settings, { say, print, signal }) => {
  const stack = openStack(wantedOf(settings));
  const ended = await stack.down({ signal, say, onEvent: partProgress(say) });
  print(ended.length ? "The stack is down." : "Nothing was up.");
  const jobs = ended.length > 0 && (await stack.whereJobsStay());
  if (jobs) print(`Its jobs stay in ${jobs}: the next otel-up goes on with them.`);
  return { code: EXIT.ok, json: { ok: true, ended } };
});
