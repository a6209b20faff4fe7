import assert from "node:assert/strict";
import { test } from "node:test";
import { currentRuntime } from "../src/settings/runtime.ts";
import { Refusal } from "../src/stash/refusal.ts";
import { type BuiltScripts, buildScripts, type KillAt } from "./stash_kill.ts";
import { makeRepository, type Snapshot } from "./stash_repository.ts";
import { chooseList, growTree, randomOf } from "./stash_tree.ts";

const CASES = Number(process.env.STASH_CASES ?? 20);
const SEED = Number(process.env.STASH_SEED ?? 1);

test(`stash and unstash lose nothing of ${CASES} generated trees, also when they are killed`, async (context) => {
  const scripts = await buildScripts();
  const seeds = Array.from({ length: CASES }, (_, index) => SEED * 1_000_000 + index);
  const sums = { paths: 0, kills: 0, refused: 0 };
  const work = async () => {
    for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
      await roundTrip(seed, scripts, sums).catch((cause) => {
        seeds.length = 0;
        throw new Error(`case ${seed} (STASH_SEED=${SEED}): ${cause.message}`, { cause });
      });
    }
  };
  try {
    await Promise.all([work(), work()]);
    context.diagnostic(`${CASES} cases, STASH_SEED=${SEED}: ${JSON.stringify(sums)}`);
    assert.ok(sums.refused <= 2 + CASES / 10 && sums.paths > CASES && sums.kills > CASES / 4, JSON.stringify(sums));
  } finally {
    scripts.close();
  }
});

test("stash and unstash lose nothing of a small tree, at whichever step they are killed", async (context) => {
  const scripts = await buildScripts();
  const stride = CASES < 500 ? 13 : 1;
  try {
    const kinds: ((step: number) => KillAt)[] = (["before", "during", "after"] as const).map((when) => (step) => ({
      git: step,
      when,
    }));
    if (currentRuntime === "node") kinds.push((step) => ({ file: step }));
    const works = (["stash", "unstash"] as const).flatMap((name) =>
      kinds.map(async (killAt) => {
        let step = 1;
        while (await isKilled(name, killAt(step), scripts)) step += stride;
        return step;
      }),
    );
    context.diagnostic(`every ${stride}. step, up to ${(await Promise.all(works)).join(", ")}`);
  } finally {
    scripts.close();
  }
});

async function isKilled(name: "stash" | "unstash", killAt: KillAt, scripts: BuiltScripts): Promise<boolean> {
  const repository = await makeRepository();
  try {
    for (const path of ["a.ts", "gone.ts", "again.ts"]) repository.write(path, "one\n");
    await repository.git(["add", "."]);
    await repository.git(["commit", "--quiet", "--message=one"]);
    repository.write("a.ts", "two\n");
    repository.write("new/file", "", 0o600);
    await repository.git(["rm", "--quiet", "gone.ts"]);
    await repository.git(["rm", "--quiet", "--cached", "again.ts"]);
    await repository.git(["add", "--intent-to-add", "again.ts"]);
    const before = await repository.snapshot();
    if (name === "unstash") await repository.stash(".");
    const code = await scripts.run(name, repository, { list: ".", killAt });
    const step = "git" in killAt ? killAt.git : killAt.file;
    if (step % 2) await refusedOr(() => repository.stash("."));
    await repository.unstash();
    assert.deepEqual(await repository.snapshot(), before, `${name} killed: ${JSON.stringify(killAt)}`);
    return code === "killed";
  } finally {
    repository.close();
  }
}

async function roundTrip(seed: number, scripts: BuiltScripts, sums: Record<"paths" | "kills" | "refused", number>) {
  const random = randomOf(seed);
  const repository = await makeRepository();
  try {
    await growTree(repository, random);
    const list = await chooseList(repository, random);
    const before = await repository.snapshot();
    const stash = async () => {
      const paths = await refusedOr(() => repository.stash(list));
      if (paths) requireClean(before, await repository.snapshot(), paths);
      sums.paths += paths?.length ?? 0;
      sums.refused += paths ? 0 : 1;
      return paths !== undefined;
    };
    if (random.chance(0.5)) {
      if (await stash()) await repository.unstash();
    } else {
      // Whatever is typed after a kill, all comes back: to and fro, and perhaps killed once more.
      if (random.chance(0.4)) await stash();
      let number = seed;
      do {
        const name = random.pick(["stash", "unstash"] as const);
        const code = await scripts.run(name, repository, { list, killAt: stepOf(number++, name) });
        if (code === "killed") sums.kills++;
        if (random.chance(0.3)) await refusedOr(() => repository.stash(list));
      } while (random.chance(0.4));
      await repository.unstash();
    }
    assert.deepEqual(await repository.snapshot(), before);
  } finally {
    repository.close();
  }
}

async function refusedOr<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

/** One step after the other, over many cases; steps that a script does not reach are round trips. */
function stepOf(number: number, name: "stash" | "unstash"): KillAt {
  if (currentRuntime === "node" && number % 2) return { file: 1 + ((number * 7) % 200) };
  return {
    git: 1 + (number % (name === "stash" ? 40 : 17)),
    when: (["before", "during", "after"] as const)[number % 3]!,
  };
}

/** What was listed is as in the commit, all else is untouched. */
function requireClean(before: Snapshot, during: Snapshot, paths: string[]): void {
  const listed = new Set(paths);
  assert.deepEqual(others(during, listed), others(before, listed));
  assert.deepEqual(
    during.status.filter((line) => listed.has(pathOf(line))),
    [],
  );
}

function others({ files, index, status }: Snapshot, listed: Set<string>) {
  const isOther = ([path, state]: [string, string]) => !listed.has(path) && !state.startsWith("folder");
  return {
    files: Object.fromEntries(Object.entries(files).filter(isOther)),
    index: Object.fromEntries(Object.entries(index).filter(isOther)),
    status: status.filter((line) => !listed.has(pathOf(line))),
  };
}

/** "1 XY sub mH mI mW hH hI path", "? path" */
function pathOf(line: string): string {
  return line.startsWith("1 ") ? line.split(" ").slice(8).join(" ") : line.slice(2);
}
