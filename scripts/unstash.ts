import { orRefuse } from "../src/stash/refusal.ts";
import { locked, openRepository } from "../src/stash/repository.ts";
import { pathsJson, selectionLines } from "../src/stash/stash_text.ts";
import { bringBack } from "../src/stash/unstash.ts";
import { EXIT, runScript } from "../src/terminal.ts";

await runScript(async (config, terminal) => {
  const { say, paint } = terminal;
  return orRefuse(terminal, async () => {
    const repository = await openRepository(config.app ?? process.cwd(), config.environment);
    const { paths, entries } = await locked(repository, () => bringBack(repository, say));
    for (const line of selectionLines({ changes: paths, skipped: [] })) say(line);
    say(`${paint("green", "Back")}, exactly as recorded; dropped from git stash list:`);
    for (const { commit, message } of entries) say(`  ${commit.slice(0, 12)}  ${message}`);
    return { code: EXIT.ok, json: { ok: true, outcome: "back", entries, paths: pathsJson(paths) } };
  });
});
