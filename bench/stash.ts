// How long the way there and back takes with 1,000 changed files: `make bench PART=stash`, about half a minute. The scripts are
// started as make starts them; each round is compared with what was there before.
import { deepEqual } from "node:assert/strict";
import { symlinkSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { ROOT } from "../src/settings/environment.ts";
import { currentRuntime, entryCommand, runtimeVersion } from "../src/settings/runtime.ts";
import { makeRepository, type TestRepository } from "../test/stash_repository.ts";

const ROUNDS = 5;
const FILES = 1_000;

const repository = await makeRepository();
await change(repository);
const before = await repository.snapshot();
const samples: Record<string, number[]> = { stash: [], unstash: [], "both ways": [] };
for (let round = 0; round < ROUNDS; round++) {
  const stashMs = await time("stash");
  const during = await repository.snapshot();
  deepEqual(during.status, []);
  const unstashMs = await time("unstash");
  deepEqual(await repository.snapshot(), before);
  samples.stash!.push(stashMs);
  samples.unstash!.push(unstashMs);
  samples["both ways"]!.push(stashMs + unstashMs);
}
repository.close();
console.log(`${FILES} changed files, s, median (min-max) of ${ROUNDS}; ${currentRuntime} ${runtimeVersion}`);
for (const [name, values] of Object.entries(samples)) {
  const [low, , median, , high] = values.toSorted((a, b) => a - b).map((ms) => (ms / 1000).toFixed(2));
  console.log(`${name.padEnd(10)} ${median} (${low}-${high})`);
}

async function time(name: "stash" | "unstash"): Promise<number> {
  const { file, args } = entryCommand(join(ROOT, "scripts", `${name}.ts`), currentRuntime);
  const env = { ...repository.environment, APP: repository.folder, STASH_PATHS: ". ignored:.", YES: "1" };
  const began = performance.now();
  await execa(file, args, { cwd: ROOT, env, extendEnv: false });
  return performance.now() - began;
}

/** Of ten files: four modified, some of them staged; one each deleted, a link, with other line ends, new, intended, ignored. */
async function change({ git, write, folder }: TestRepository): Promise<void> {
  const text = (number: number, what: string) => `// ${number} ${what}\n`.repeat(100);
  const path = (number: number, end = "ts") => `src/${number % 50}/${number}.${end}`;
  const each = (kind: number) => Array.from({ length: FILES / 10 }, (_, index) => index * 10 + kind);
  write(".gitignore", "*.ignored\n");
  for (const kind of [0, 1, 2, 3, 4, 5, 6]) for (const number of each(kind)) write(path(number), text(number, "one"));
  await git(["add", "."]);
  await git(["commit", "--quiet", "--message=one"]);
  for (const number of [...each(0), ...each(1)]) write(path(number), text(number, "staged"));
  await git(["add", "."]);
  for (const number of [...each(1), ...each(2), ...each(3)]) write(path(number), text(number, "two"), 0o755);
  for (const number of [...each(4), ...each(5)]) unlinkSync(join(folder, path(number)));
  for (const number of each(5)) symlinkSync(`${number}.ts`, join(folder, path(number)));
  for (const number of each(6)) write(path(number), text(number, "crlf\r"));
  for (const number of [...each(7), ...each(8)]) write(path(number), text(number, "new"), 0o600);
  await git(["add", "--intent-to-add", ...each(8).map((number) => path(number))]);
  for (const number of each(9)) write(path(number, "ignored"), text(number, "ignored"));
}
