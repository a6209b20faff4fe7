import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { build } from "esbuild";
import { type Profiled, runProfiled, samplesOf } from "../../../test/profiled_program.ts";
import { ROOT } from "../../settings/environment.ts";
import { currentRuntime } from "../../settings/runtime.ts";

/** Types, comments and empty lines, which what runs has not. */
const SOURCE = `interface Options {
  ms: number;
}

/** Line 6. */
export function workHard({ ms }: Options): number {
  let n = 0;
  for (const until = performance.now() + ms; performance.now() < until; ) n++;
  return n;
}
`;

/** Where the samples say that the function begins. */
function placeOf({ profiles, stderr }: Profiled): string {
  const [sample] = samplesOf(profiles, "workHard");
  assert.ok(sample, stderr);
  const { file, line } = sample.stack.find(({ name }) => name === "workHard")!; // it was looked for
  return `${file}:${line}`;
}

test("samples of the built worker, and of what tsx translates, show lines of TypeScript", {
  skip: currentRuntime === "deno",
}, async () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "prodlike-test-")));
  try {
    const source = join(folder, "work.ts");
    writeFileSync(source, SOURCE);
    writeFileSync(join(folder, "package.json"), '{"type":"module"}');
    symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
    const translated = await runProfiled(`(await import(${JSON.stringify(source)})).workHard({ ms: 100 });`);
    assert.equal(placeOf(translated), `${source}:6`);

    const contents = `
      const { initPyroscope } = await import("${join(import.meta.dirname, "../init_pyroscope.ts")}");
      await initPyroscope({ appName: "built" });
      (await import("${source}")).workHard({ ms: 100 });`;
    await build({
      ...{ stdin: { contents, resolveDir: folder }, outdir: join(folder, "dist"), sourcemap: true, logLevel: "error" },
      ...{ bundle: true, splitting: true, packages: "external", platform: "node", format: "esm" }, // as package.json has it
    });
    const start = (env: Record<string, string>) => spawn(process.execPath, ["dist/stdin.js"], { cwd: folder, env });
    assert.equal(placeOf(await runProfiled(start)), `${source}:6`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
