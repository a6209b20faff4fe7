import { orRefuse } from "../src/stash/refusal.ts";
import { locked, openRepository } from "../src/stash/repository.ts";
import { entryLines, pathsJson, selectionLines } from "../src/stash/stash_text.ts";
import { bringBack } from "../src/stash/unstash.ts";
import { EXIT, runScript } from "../src/terminal/terminal.ts";

await runScript(async ({ app, stack }, terminal) => {
  const { say, print, paint } = terminal;
  return orRefuse(terminal, async () => {
    const repository = await openRepository(app ?? process.cwd(), stack.environment);
    const record = await locked(repository, () => bringBack(repository, say));
    if (!record) print("Nothing was moved.");
    if (!record) return { code: EXIT.ok, json: { ok: true, outcome: "nothing was moved", entries: [], paths: [] } };
    const { paths, entries } = record;
    print(`${paint("green", "Back")}, exactly as recorded; dropped from git stash list:`);
    for (const line of entryLines(record)) print(line);
    for (const line of selectionLines({ changes: paths, skipped: [] })) print(line);
    return { code: EXIT.ok, json: { ok: true, outcome: "back", entries, paths: pathsJson(paths) } };
  });
});
