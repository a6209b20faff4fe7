import { confirm } from "../src/stash/confirm.ts";
import { LIST_FILE, readList } from "../src/stash/list.ts";
import { readRecord } from "../src/stash/record.ts";
import { orRefuse } from "../src/stash/refusal.ts";
import { locked, openRepository } from "../src/stash/repository.ts";
import { selectChanges } from "../src/stash/select.ts";
import { resumeStash, setAside } from "../src/stash/stash.ts";
import { entryLines, pathsJson, selectionLines } from "../src/stash/stash_text.ts";
import { readStatus } from "../src/stash/status.ts";
import { EXIT, runScript } from "../src/terminal/terminal.ts";
import { UserError } from "../src/terminal/user_error.ts";
import { visible } from "../src/terminal/visible_text.ts";

await runScript(async ({ app: given, stack, stash }, terminal) => {
  const { say, print, paint, signal } = terminal;
  const app = given ?? process.cwd();
  return orRefuse(terminal, async () => {
    const repository = await openRepository(app, stack.environment);
    return locked(repository, async () => {
      const done = (outcome: string, fields: object) => ({ code: EXIT.ok, json: { ok: true, outcome, ...fields } });
      const earlier = stash.dry ? await readRecord(repository) : undefined;
      if (earlier) say(`${paint("yellow", "!")} an earlier call has left its record, "${earlier.phase}"`);
      const resumed = stash.dry ? undefined : await resumeStash(repository, say);
      if (resumed) {
        for (const line of entryLines(resumed)) print(line);
        return done("set aside", { entries: resumed.entries, paths: pathsJson(resumed.paths), skipped: [] });
      }
      const list = readList(app, stash.paths);
      if (!list) {
        const { changes } = await readStatus(repository, ["."]);
        for (const line of selectionLines({ changes, skipped: [] })) say(line);
        throw new UserError("Cannot set changes aside: no list says which", {
          next: `write paths into ${LIST_FILE}, one a line, or make stash STASH_PATHS="${visible(changes[0]?.path ?? "path")} ..."`,
        });
      }
      const selection = await selectChanges(repository, list);
      const { changes, skipped } = selection;
      // What was asked for with DRY; otherwise what the question is about.
      for (const line of selectionLines(selection)) (stash.dry ? print : say)(line);
      if (!changes.length) print("Nothing to set aside.");
      if (!changes.length || stash.dry) {
        return done(stash.dry ? "dry" : "nothing to set aside", { entries: [], paths: pathsJson(changes), skipped });
      }
      if (!stash.yes && !(await confirm(`Set ${changes.length} paths aside?`, signal))) {
        return done("declined", { entries: [], paths: pathsJson(changes), skipped });
      }
      const record = await setAside(repository, selection, signal);
      print(`${paint("green", "Set aside")}, in git stash list as`);
      for (const line of entryLines(record)) print(line);
      print(`next:  make unstash`);
      return done("set aside", { entries: record.entries, paths: pathsJson(changes), skipped });
    });
  });
});
