import { readStore } from "../src/stack/postgres.ts";
import { partProgress } from "../src/stack/progress.ts";
import { stackDown } from "../src/stack/stack.ts";
import { stackFiles } from "../src/stack/state.ts";
import { EXIT, runScript } from "../src/terminal.ts";

await runScript(async (config, { say, signal }) => {
  const ended = await stackDown(config, { signal, onEvent: partProgress(say) });
  say(ended.length ? "The stack is down." : "Nothing was up.");
  // One that is damaged is said by the next otel-up; this command has done what it was asked.
  const store = await readStore(stackFiles(config).postgres).catch(() => undefined);
  if (store && ended.includes("postgres")) say(`Its jobs stay in ${store.folder}: the next otel-up goes on with them.`);
  return { code: EXIT.ok, json: { ok: true, ended } };
});
