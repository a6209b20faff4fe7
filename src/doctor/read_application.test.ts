import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { lintLimits } from "./lint.ts";
import { type Application, readApplication } from "./read_application.ts";

/** Writes an application, reads it, and removes it. */
function read(files: Record<string, string>, { path = ".", environment = {} } = {}): Application {
  const folder = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    return readApplication(join(folder, path), environment);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const rules = ({ subjects }: Application) => subjects.flatMap(lintLimits).map(({ rule, where }) => [rule, where]);

test("readApplication() reads limits, anchors, variables and both forms of an environment", () => {
  const compose = `
x-worker: &worker
  image: node:22-slim
  command: node dist/worker.js
services:
  first:
    <<: *worker
    mem_limit: \${MEMORY:-512m}
    memswap_limit: \${MEMORY:-512m}
    cpus: 1.5
    environment: ["NODE_OPTIONS=--max-old-space-size=\${OLD-320}", "UV_THREADPOOL_SIZE=8"]
  second:
    <<: *worker
    deploy: { resources: { limits: { memory: 1G, cpus: "0.5" } } }
    environment: { NODE_OPTIONS: --max-old-space-size=700 }
  store: { image: "redis:7", mem_limit: 1g }`;
  const { subjects, notRead } = read({ "compose.yaml": compose }, { environment: { OLD: "300" } });
  assert.deepEqual(notRead, []);
  assert.deepEqual(
    subjects.map(({ name, nodeMajor, cpus, memory, memorySwap, options, threadpool }) => ({
      name,
      nodeMajor,
      cpus: cpus?.value,
      memory: memory.map(({ value }) => value),
      swap: memorySwap?.value,
      options: options.map(({ text }) => text),
      threadpool: threadpool?.value,
    })),
    [
      {
        name: "compose.yaml first",
        nodeMajor: 22,
        cpus: 1.5,
        memory: [2 ** 29],
        swap: 2 ** 29,
        options: ["--max-old-space-size=300", "node dist/worker.js"],
        threadpool: "8",
      },
      {
        name: "compose.yaml second",
        nodeMajor: 22,
        cpus: 0.5,
        memory: [2 ** 30],
        swap: undefined,
        options: ["--max-old-space-size=700", "node dist/worker.js"],
        threadpool: undefined,
      },
    ],
  );
});

test("readApplication() follows a command through npm scripts to the flags of the process", () => {
  const app = read({
    "docker-compose.yml": `services: { worker: { image: "node:24", command: npm run worker, mem_limit: 512m } }`,
    "package.json": JSON.stringify({
      scripts: { worker: "npm run serve", serve: "cross-env NODE_OPTIONS='--max-old-space-size=4096' node server.js" },
    }),
  });
  assert.deepEqual(rules(app), [
    ["heap-above-memory", "package.json scripts.serve"],
    ["hidden-flag", "package.json scripts.serve"],
  ]);
});

test("readApplication() takes the stage of a Dockerfile that runs, and what it inherits", () => {
  const dockerfile = `
ARG NODE=22
FROM node:\${NODE}-slim AS base
ENV NODE_OPTIONS="--max-old-space-size=400" \\
    UV_THREADPOOL_SIZE=2
FROM base AS build
ENV NODE_OPTIONS=--max-old-space-size=4096
RUN npm run build
FROM base
CMD exec node --max-semi-space-size=\${SEMI:-2} server.js`;
  const build = "{ context: app, args: { NODE: 20 } }";
  const app = read({
    "compose.yaml": `services: { worker: { build: ${build}, mem_limit: 512m } }`,
    "app/Dockerfile": dockerfile,
  });
  const [subject] = app.subjects;
  assert.equal(subject!.nodeMajor, 20);
  assert.equal(subject!.threadpool?.value, "2");
  assert.deepEqual(
    subject!.options.map(({ where, text }) => [where, text]),
    [
      ["app/Dockerfile ENV", "--max-old-space-size=400"],
      ["app/Dockerfile CMD", "node --max-semi-space-size=2 server.js"],
    ],
  );
  const target = `services: { worker: { build: { context: app, target: build }, mem_limit: 512m } }`;
  assert.deepEqual(rules(read({ "compose.yaml": target, "app/Dockerfile": dockerfile })), [
    ["heap-above-memory", "app/Dockerfile ENV"],
    ["hidden-flag", "app/Dockerfile ENV"],
  ]);
});

test("readApplication() reads a flag that only a build stage has, in ENV or in RUN", () => {
  for (const line of ["ENV NODE_OPTIONS=--max-old-space-size=4096", "RUN node --max-old-space-size=4096 build.js"]) {
    const app = read({
      "compose.yaml": `services: { worker: { build: ., mem_limit: 512m } }`,
      Dockerfile: `FROM node:24 AS build\n${line}\nFROM node:24\nCMD ["node", "server.js"]`,
    });
    assert.deepEqual(
      rules(app).map(([rule]) => rule),
      ["flag-not-used"],
      line,
    );
  }
});

test("readApplication() puts overrides and further files on top of the first compose file", () => {
  const app = read({
    "docker-compose.yml": `services: { worker: { image: "node:24", command: node w.js, environment: [A=1] } }`,
    "docker-compose.override.yml": `services: { worker: { environment: { NODE_OPTIONS: --max-old-space-size=320 } } }`,
    "docker-compose.prod.yml": `services: { worker: { mem_limit: 256m } }`,
  });
  assert.deepEqual(
    app.subjects.map(({ name, memory }) => [name, memory.length]),
    [
      ["docker-compose.yml worker", 0],
      ["docker-compose.prod.yml worker", 1],
    ],
  );
  assert.deepEqual(rules(app), [["heap-above-memory", "docker-compose.prod.yml services.worker.environment"]]);
});

test("readApplication() reads env_file, and one compose file by its name", () => {
  const app = read(
    {
      "deploy/stack.yaml": `services: { w: { image: "node:24", command: node w.js, env_file: [a.env, none.env], mem_limit: 1g } }`,
      "deploy/a.env": "NODE_OPTIONS='--max-old-space-size=2048'\n",
    },
    { path: "deploy/stack.yaml" },
  );
  assert.deepEqual(rules(app), [["heap-above-memory", "a.env"]]);
  assert.deepEqual(app.read, ["stack.yaml", "a.env"]);
  assert.deepEqual(app.notRead, ["stack.yaml services.w.env_file: there is no none.env"]);
});

test("readApplication() without a compose file reads the Dockerfile, else the package's start script", () => {
  const start = JSON.stringify({ scripts: { start: "node --max-old-space-size=4096 server.js" } });
  assert.deepEqual(rules(read({ "package.json": start })), [["hidden-flag", "package.json scripts.start"]]);
  const files = { "package.json": start, Dockerfile: 'FROM node:24\nENTRYPOINT ["tini", "--"]\nCMD ["npm", "start"]' };
  assert.deepEqual(rules(read(files)), [["hidden-flag", "package.json scripts.start"]]);
});

test("readApplication() says what it cannot read", () => {
  const compose = `
services:
  worker:
    image: node:24
    command: sh -c "node --max-old-space-size=$$HEAP w.js"
    mem_limit: \${MEMORY}
    memswap_limit: 1x
    extends: { file: other.yaml, service: worker }
    environment: { UV_THREADPOOL_SIZE: 4, NODE_OPTIONS: "\${HEAP}", OTHER: "\${OTHER}" }`;
  assert.deepEqual(read({ "compose.yaml": compose }).notRead, [
    "compose.yaml services.worker.mem_limit: MEMORY is not set",
    "compose.yaml services.worker.environment.NODE_OPTIONS: HEAP is not set",
    "compose.yaml services.worker.extends",
    "compose.yaml services.worker.command: --max-old-space-size=$HEAP",
    'Cannot use compose.yaml services.worker.memswap_limit="1x": a size is wanted, as 512m, 1.5g or 512Mi',
  ]);
});

test("readApplication() refuses what is no application", () => {
  const refusals: [files: Record<string, string>, message: RegExp][] = [
    [{ "a.txt": "" }, /a compose file, a Dockerfile or a package.json is wanted$/],
    [{ "compose.yaml": "a: [" }, /^Cannot read "compose.yaml": /],
    [{ "compose.yaml": "a: 1" }, /it has no services, a compose file is wanted$/],
    [{ "package.json": "{" }, /^Cannot read "package.json": /],
  ];
  for (const [files, message] of refusals) assert.throws(() => read(files), { name: "UserError", message });
  assert.throws(() => readApplication("/nowhere", {}), { name: "UserError", message: /there is no such file/ });
});

test("readApplication() takes a variable from outside, and what a script exports", () => {
  const app = read(
    {
      "compose.yaml": `services:
  outside: { image: "node:24", command: node w.js, mem_limit: 1g, environment: [NODE_OPTIONS] }
  exported: { image: "node:24", command: [npm, run, worker], mem_limit: 1g }
  silent: { image: "node:24", command: node w.js }`,
      "package.json": JSON.stringify({
        scripts: { worker: "export NODE_OPTIONS=--max-old-space-size=800 && npm run build && node w.js" },
      }),
    },
    { environment: { NODE_OPTIONS: "--max-old-space-size=700" } },
  );
  assert.deepEqual(
    app.subjects.map(({ name, options }) => [name, options[0]!.text]),
    [
      ["compose.yaml outside", "--max-old-space-size=700"],
      ["compose.yaml exported", "--max-old-space-size=800"],
    ],
  );
  // The script's flag does not reach the first service, and is used.
  assert.deepEqual(rules(app), [["hidden-flag", "package.json scripts.worker"]]);
});

test("readApplication() reads plain files of at most 1 MiB, whatever else lies in their places", {
  timeout: 60_000,
}, () => {
  const folder = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  const file = join(folder, "compose.yaml");
  const refused = (reason: RegExp, path = folder) =>
    assert.throws(() => readApplication(path, {}), { name: "UserError", message: reason });
  try {
    execFileSync("mkfifo", [file]);
    refused(/^Cannot read "compose.yaml": it is no plain file, a compose file is wanted$/);
    refused(/^Cannot read "compose.yaml": it is no plain file, /, file);
    rmSync(file);
    mkdirSync(file);
    refused(/^Cannot read "compose.yaml": it is a folder, /);
    rmSync(file, { recursive: true });
    writeFileSync(file, "");
    truncateSync(file, 2 ** 30);
    refused(/^Cannot read "compose.yaml": it has more than 1 MiB, /);
    writeFileSync(file, `services: { worker: ${"[".repeat(5_000)}`);
    refused(/^Cannot read "compose.yaml": it is nested too deep$/);
    const nines = (name: string) => `[${Array(9).fill(`*${name}`).join()}]`;
    const bomb = Array.from(
      { length: 12 },
      (_, index) => `a${index}: &a${index} ${index ? nines(`a${index - 1}`) : "x"}\n`,
    );
    writeFileSync(file, `${bomb.join("")}services: { worker: { image: node, command: *a11 } }`);
    refused(/^Cannot read "compose.yaml": Excessive alias count/);
    writeFileSync(file, "services: [ *\x1b[2J ]");
    refused(/^Cannot read "compose.yaml": \P{Cc}*$/u);

    for (const name of [".env", "Dockerfile", "a.env"]) execFileSync("mkfifo", [join(folder, name)]);
    writeFileSync(file, "services: { worker: { build: ., command: node a.js, mem_limit: 1g, env_file: a.env } }");
    const { subjects, notRead } = readApplication(folder, {});
    assert.equal(subjects.length, 1);
    assert.deepEqual(notRead, [
      ".env: it is no plain file",
      "a.env: it is no plain file",
      "compose.yaml services.worker.env_file: there is no a.env",
      "Dockerfile: it is no plain file",
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
