import { enforcementTable } from "../src/limits/enforcement.ts";
import { partProgress } from "../src/stack/progress.ts";
import { openStack } from "../src/stack/stack.ts";
import { EXIT, runScript } from "../src/terminal.ts";

await runScript(async (config, { say, signal }) => {
  const limits = await openStack(config).limitWorker({ signal, say, onEvent: partProgress(say) });
  say("\nThe worker runs as in production:\n");
  for (const line of enforcementTable(limits)) say(line);
  say("\nnext:  make verify");
  return { code: EXIT.ok, json: { ok: true, limits } };
});
