import assert from "node:assert/strict";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { ROOT } from "../../settings/environment.ts";
import { currentRuntime } from "../../settings/runtime.ts";
import { createFileNames } from "./own_code.ts";

const OURS = join(import.meta.dirname, "../spans/attempt.ts");

test("createFileNames() marks what lies among our sources, and nothing that only looks like it", () => {
  const nameFile = createFileNames();
  assert.equal(nameFile(OURS), `prodlike:${OURS}`);
  for (const file of ["/app/src/telemetry/spans/attempt.ts", `${dirname(import.meta.dirname)}.ts`, "node:fs", ""]) {
    assert.equal(nameFile(file), file);
  }
});

test("createFileNames() knows our sources by the source map of what was built, or that file alone", {
  skip: currentRuntime === "deno" && "nothing is built there",
}, async () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "prodlike-test-")));
  try {
    for (const sourcemap of [true, false]) {
      const outfile = join(folder, `${sourcemap ? "with" : "without"}.mjs`);
      await build({
        stdin: {
          contents: `export * from ${JSON.stringify(join(import.meta.dirname, "own_code.ts"))};`,
          resolveDir: ROOT,
        },
        ...{ outfile, bundle: true, packages: "external", platform: "node", format: "esm", sourcemap },
      });
      const built: typeof import("./own_code.ts") = await import(pathToFileURL(outfile).href);
      const nameFile = built.createFileNames();
      const names = [OURS, outfile, join(ROOT, "src/app/worker.ts")].map(nameFile);
      const [ours, bundle, theirs] = names.map((name) => name.startsWith("prodlike:"));
      assert.deepEqual({ ours, bundle, theirs }, { ours: sourcemap, bundle: !sourcemap, theirs: false });
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
