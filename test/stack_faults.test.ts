import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { execa } from "execa";
import { identify, isAlive, type ProcessId } from "../src/processes/process_id.ts";
import { currentRuntime, entryCommand, v8Flags } from "../src/settings/runtime.ts";
import { readSettings } from "../src/settings/settings.ts";
import { freePort } from "../src/stack/ports.ts";
import { serverUser } from "../src/stack/postgres_programs.ts";
import { PARTS } from "../src/stack/state.ts";
import { wantedOf } from "../src/stack/wanted.ts";
import { waitFor } from "../src/wait_for.ts";
import { type Checkout, finish, makeCheckout, nothingIsLeft, type Ran } from "./checkout.ts";

const COLLECTOR = { ONLY: "collector" };
const SERVICES_READY = /(api +ready.*worker|worker +ready.*api) +ready/s;
const home = (checkout: Checkout, ...path: string[]) => join(checkout.folder, ".prodlike", ...path);

// An empty diff: a job without ESLint.
const quickJob = ({ environment: { API_PORT } }: Checkout) => ({
  JOB_REQUEST: `POST http://127.0.0.1:${API_PORT}/reviews {"base":"HEAD"}`,
});

/** Gives the test a checkout of its own. */
function faultTest(name: string, body: (checkout: Checkout) => Promise<void>): void {
  test(name, async () => {
    const checkout = await makeCheckout();
    try {
      await body(checkout);
    } finally {
      await checkout.close();
    }
  });
}

/** Asserts a script's exit code, and that it shows nobody a stack trace. Returns what it printed for people. */
function exits({ code, signal, stdout, stderr }: Ran, wanted: number): string {
  // Deno reports a child's exit code above 128 as a signal; make hands a Ctrl-C on to itself.
  assert.equal(signal === "SIGINT" ? 130 : code, wanted, stderr);
  assert.doesNotMatch(stderr, /^\s+at .*[:)]/m);
  return stderr + stdout;
}

/** A process that is nobody's business. */
async function withStranger(command: string[], body: (stranger: ProcessId) => Promise<void>, uid?: number) {
  const child = spawn(command[0]!, command.slice(1), { stdio: "ignore", ...(uid === undefined ? {} : { uid }) });
  await once(child, "spawn");
  const stranger = identify(child.pid!)!;
  try {
    await body(stranger);
    assert.ok(isAlive(stranger), "a stranger was ended");
  } finally {
    child.kill("SIGKILL");
  }
}

faultTest("a port that a stranger holds is refused, naming the variable and the holder", async (checkout) => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  try {
    for (const name of ["API_PORT", "OTLP_PORT"]) {
      const said = exits(await checkout.run("otel_up", { [name]: String(port) }), 2);
      const holder =
        process.platform === "linux" ? `process ${process.pid} \\(.*kill ${process.pid}` : "another process";
      assert.match(
        said,
        new RegExp(`error: Cannot listen on 127.0.0.1:${port} \\(${name}\\): it is held by ${holder}`, "s"),
      );
    }
    await nothingIsLeft(checkout);
  } finally {
    server.close();
  }
});

faultTest("two checkouts run side by side, and one says that the other holds its port", async (checkout) => {
  const other = await makeCheckout();
  try {
    for (const ran of await Promise.all([checkout, other].map((each) => each.run("verify", quickJob(each)))))
      exits(ran, 0);
    exits(await other.run("otel_up", COLLECTOR), 0);
    const said = exits(await checkout.run("verify", { OTLP_PORT: other.environment.OTLP_PORT! }), 2);
    if (process.platform === "linux") {
      assert.match(said, /it is held by the collector of another checkout of prodlike/);
      assert.ok(said.includes(`make -C ${other.folder} otel-down`), said);
    }
    await nothingIsLeft(checkout);
    assert.ok(other.state());
  } finally {
    await other.close();
  }
});

faultTest(
  "what an earlier stack left without a record is ended, a stranger that looks like it is not",
  async (checkout) => {
    const { file, args } = entryCommand(join(checkout.folder, "scripts", "collector.ts"), currentRuntime);
    const lookalike = ["sh", "-c", "sleep 600; :", `--prodlike.stack=${checkout.folder}`];
    const lose = () => {
      process.kill(checkout.state()!.supervisor.pid, "SIGKILL");
      rmSync(home(checkout, "stack", "state.json"));
    };
    exits(await checkout.run("otel_up"), 0);
    const before = checkout.state()!;
    lose();
    await withStranger(lookalike, async (stranger) => {
      const said = exits(await checkout.run("otel_up"), 0);
      for (const name of PARTS) {
        assert.match(said, new RegExp(`${name} +is left of an earlier stack`));
        assert.ok(!isAlive(before.parts[name]!), name);
      }
      lose();
      const { ended } = JSON.parse((await checkout.run("otel_down", { JSON: "1" })).stdout);
      assert.deepEqual(ended, PARTS);
      assert.deepEqual(await checkout.processes(), [stranger.pid]);
    });
    // A collector that somebody started by hand, for a debugger.
    const byHand = ["env", `OTLP_PORT=${await freePort()}`, file, ...args];
    await withStranger(byHand, async () => assert.match(exits(await checkout.run("otel_down"), 0), /Nothing was up/));
    await nothingIsLeft(checkout);
  },
);

faultTest("pids that belong to others by now are not signalled and do no harm", async (checkout) => {
  exits(await checkout.run("otel_up"), 0);
  const state = checkout.state()!;
  const store: { folder: string } = JSON.parse(readFileSync(home(checkout, "stack", "postgres.json"), "utf8"));
  // What is there would stay when it is killed.
  if (process.platform === "linux")
    assert.doesNotMatch(readFileSync(`/proc/${state.parts.postgres!.pid}/maps`, "utf8"), /\/dev\/shm/);
  await checkout.killAll();
  const recordAs = (pid: number) => {
    const all = [state.supervisor, ...Object.values(state.parts)];
    for (const id of all) Object.assign(id, { pid, started: `${id.started}0` });
    writeFileSync(home(checkout, "stack", "state.json"), JSON.stringify(state));
    writeFileSync(home(checkout, "stack", "supervisor.lock"), JSON.stringify(state.supervisor));
    // PostgreSQL keeps a record of its own.
    const file = join(store.folder, "data", "postmaster.pid");
    writeFileSync(file, readFileSync(file, "utf8").replace(/^\d+/, String(pid)));
  };
  const owner = statSync(join(store.folder, "data")).uid;
  await withStranger(
    ["sleep", "600"],
    async ({ pid }) => {
      recordAs(pid);
      assert.match(exits(await checkout.run("otel_down"), 0), /Nothing was up/);
      await nothingIsLeft(checkout);
      recordAs(pid);
      exits(await checkout.run("otel_up"), 0);
      exits(await checkout.run("otel_down"), 0);
    },
    owner,
  );
  await nothingIsLeft(checkout);
});

faultTest("two otel-up, and otel-up with otel-down, at once end in one stack or none", async (checkout) => {
  const up = () => checkout.run("otel_up", { ...COLLECTOR, JSON: "1" });
  const down = () => checkout.run("otel_down", { JSON: "1" });
  for (const offsetMs of [0, 250]) {
    const together = async (first: () => Promise<Ran>, second: () => Promise<Ran>) => {
      const both = await Promise.all([first(), setTimeout(offsetMs).then(second)]);
      for (const ran of both) exits(ran, 0);
      return both.flatMap(({ stdout }) => JSON.parse(stdout).started ?? []);
    };
    assert.deepEqual(await together(up, up), ["collector"]);
    const { supervisor, parts } = checkout.state()!;
    const isOne = async () => (await checkout.processes()).length === 2 || undefined; // the supervisor that was not needed ends
    await waitFor(isOne, "one supervisor and one collector");
    assert.ok(isAlive(supervisor) && isAlive(parts.collector!));
    await together(down, up);
    await together(up, down);
    exits(await up(), 0);
    exits(await down(), 0);
    await nothingIsLeft(checkout);
  }
});

faultTest("the supervisor stays for a command that came while it was ending everything", async (checkout) => {
  exits(await checkout.run("otel_up", COLLECTOR), 0);
  const { supervisor, parts } = checkout.state()!;
  const ask = (request: object) => {
    const socket = connect(supervisor.port, "127.0.0.1");
    socket.write(`${JSON.stringify({ token: supervisor.token, ...request })}\n`);
    return { socket, answer: text(socket).catch(() => "none") };
  };
  process.kill(parts.collector!.pid, "SIGSTOP");
  const down = ask({ command: "down" });
  await once(down.socket, "data"); // it is being ended
  const wanted = wantedOf(readSettings({ PATH: process.env.PATH ?? "", ...checkout.environment }, checkout.folder));
  const up = ask({ command: "up", wanted: { ...wanted, onlyCollector: true }, parts: ["collector"] });
  // Refused at once: after some rounds of its loop it has read the one before.
  for (let round = 0; round < 10; round++) await ask({ token: "wrong" }).answer;
  process.kill(parts.collector!.pid, "SIGCONT");
  for (const { answer } of [down, up]) assert.match(await answer, /"done":\["collector"\],"ending":false}\n$/);
  assert.match(exits(await checkout.run("otel_up", COLLECTOR), 0), /nothing was changed/);
  exits(await checkout.run("otel_down"), 0);
  await nothingIsLeft(checkout);
});

faultTest("strangers at the supervisor's port neither hold nor grow it, and commands get through", async (checkout) => {
  exits(await checkout.run("otel_up", COLLECTOR), 0);
  const { port, pid } = checkout.state()!.supervisor;
  const sockets = new Set<Socket>();
  const open = () => {
    const socket = connect(port, "127.0.0.1");
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    return socket;
  };
  const held = () => readdirSync(`/proc/${pid}/fd`).length;
  const isLinux = process.platform === "linux";
  let isFlooding = true;
  // Each opens the next when it is closed: half of them close at once, half say a piece of a line that does not end.
  const flood = (i: number) => {
    if (!isFlooding) return;
    const socket = open();
    socket.on("close", () => setImmediate(flood, i));
    if (i % 2) socket.end();
    else socket.write("x".repeat(100_000));
  };
  try {
    const before = isLinux ? held() : 0;
    for (let i = 0; i < 300; i++) open().end();
    await waitFor(() => sockets.size === 0 || undefined, "the end of all of them");
    if (isLinux) await waitFor(() => held() <= before || undefined, "the descriptors as before");

    const endless = open();
    let sent = 0;
    for (; !endless.destroyed && sent < 256; sent++) {
      if (!endless.write(Buffer.alloc(2 ** 20, "x"))) await once(endless, "drain").catch(() => {}); // it was cut
    }
    assert.ok(sent < 256, "256 MB of a line were taken");

    for (let i = 0; i < 400; i++) flood(i);
    assert.match(exits(await checkout.run("otel_up", COLLECTOR), 0), /nothing was changed/);
    // Deno closes later than the next is there: it may hold all 400, and none once they stop.
    if (isLinux && currentRuntime !== "deno") assert.ok(held() < before + 200, String(held()));
    isFlooding = false;
    for (const socket of sockets) socket.destroy();
    if (isLinux) await waitFor(() => held() <= before || undefined, "the descriptors as before the flood");

    isFlooding = true;
    for (let i = 0; i < 400; i++) flood(i);
    exits(await checkout.run("otel_restart"), 0);
    exits(await checkout.run("otel_down"), 0);
    isFlooding = false;
    await nothingIsLeft(checkout);
  } finally {
    isFlooding = false;
    for (const socket of sockets) socket.destroy();
  }
});

faultTest("verify shares its stack with another verify, and leaves it to an otel-up", async (checkout) => {
  const verify = checkout.start("verify", quickJob(checkout));
  const held = when(verify, SERVICES_READY, () => process.kill(verify.pid!, "SIGSTOP"));
  await waitFor(() => checkout.state()?.parts.collector, "the first part");
  exits(await checkout.run("verify", quickJob(checkout)), 0);
  assert.ok(checkout.state(), "the first verify still uses it");
  process.kill(verify.pid!, "SIGCONT");
  exits(await held, 0);
  await nothingIsLeft(checkout);
  assert.equal(existsSync(home(checkout, "stack", "postgres.json")), false);

  for (const names of [
    ["verify", "otel_up"],
    ["otel_up", "verify"],
  ] as const) {
    const first = checkout.run(names[0], quickJob(checkout));
    await waitFor(() => checkout.state()?.parts.collector, "the first part");
    for (const ran of await Promise.all([first, checkout.run(names[1], quickJob(checkout))])) exits(ran, 0);
    assert.deepEqual(Object.keys(checkout.state()!.parts).sort(), [...PARTS].sort());
    exits(await checkout.run("otel_down"), 0);
    await nothingIsLeft(checkout);
  }
});

/** Starts a command as a terminal does, in a process group of its own, or as a script. */
function begin(checkout: Checkout, name: string, how: "script" | "make", environment: Record<string, string>) {
  if (how === "script") return checkout.start(name, environment);
  const env = { ...process.env, ...checkout.environment, ...environment, MAKEFLAGS: "", MFLAGS: "" };
  return spawn("make", [name.replace("_", "-")], { cwd: checkout.folder, env, detached: true });
}

/** Does something as soon as a line like `after` is printed. */
async function when(child: ChildProcess, after: RegExp, act: () => void): Promise<Ran> {
  let seen = "";
  let isDone = false;
  for (const stream of [child.stdout!, child.stderr!])
    stream.on("data", (text) => {
      seen += text;
      if (isDone || !after.test(seen)) return;
      isDone = true;
      act();
    });
  const ran = await finish(child);
  assert.ok(isDone, `no ${after} in ${ran.stderr}`);
  return ran;
}

/** Sends SIGINT, to all of the group when there is one. */
function interrupt(child: ChildProcess, after: RegExp, how: "script" | "make"): Promise<Ran> {
  return when(child, after, () => process.kill(how === "make" ? -child.pid! : child.pid!, "SIGINT"));
}

// The steps by what they print; the last column says whether the command has done its work by then.
const steps: [name: "otel_up" | "verify", after: RegExp, how: "script" | "make", isDone?: true][] = [
  ["otel_up", /collector +ready/, "make"],
  ["otel_up", /postgres +ready/, "script"],
  ["otel_up", /(api|worker) +ready/, "script"],
  ["verify", /No stack is up/, "script"],
  ["verify", /postgres +ready/, "make"],
  ["verify", SERVICES_READY, "script"],
  ["verify", /Proved/, "script", true],
  ["verify", /worker +finishes/, "make", true],
];

faultTest(
  "Ctrl-C at any step of otel-up and verify ends what was started, and the next command works",
  async (checkout) => {
    for (const [name, after, how, isDone] of steps) {
      const ran = await interrupt(begin(checkout, name, how, quickJob(checkout)), after, how);
      const what = `${name} after ${after} by ${how}: ${ran.stderr}`;
      // The last part may be ready before the signal arrives: then there is a stack.
      if (name === "otel_up" && ran.code === 0) exits(await checkout.run("otel_down"), 0);
      else if (!isDone) exits(ran, 130);
      assert.ok(!isDone || [0, 130].includes(ran.code ?? 130), what);
      await nothingIsLeft(checkout);
    }
    exits(await checkout.run("verify", quickJob(checkout)), 0);
    await nothingIsLeft(checkout);
  },
);

faultTest("Ctrl-C at any step of verify leaves a stack that was up as it was", async (checkout) => {
  exits(await checkout.run("otel_up"), 0);
  const before = checkout.state()!;
  const worker = before.parts.worker!.pid;
  process.kill(worker, "SIGSTOP"); // a job that does not end
  const child = checkout.start("verify");
  const ran = finish(child);
  const log = home(checkout, "stack", "api.log");
  await waitFor(() => /review/.test(readFileSync(log, "utf8")) || undefined, "the job");
  child.kill("SIGINT");
  exits(await ran, 130);
  process.kill(worker, "SIGCONT");
  for (const [after, how] of [
    [/process reviews/, "make"],
    [/✔ health/, "script"],
    [/run: /, "make"],
  ] as const)
    await interrupt(begin(checkout, "verify", how, quickJob(checkout)), after, how);
  exits(await interrupt(begin(checkout, "otel_up", "script", {}), /nothing was changed/, "script"), 0);
  assert.deepEqual(checkout.state(), before);
  exits(await checkout.run("verify", quickJob(checkout)), 0);
  exits(await checkout.run("otel_down"), 0);
  await nothingIsLeft(checkout);
});

faultTest("a worker-prodlike that fails or is interrupted leaves the worker that ran as it was", async (checkout) => {
  const worker = () => checkout.state()?.parts.worker;
  const limit = (extra = {}) => checkout.run("worker_prodlike", extra);
  // A worker that ends at once: no store has such an address.
  const broken = { PRODLIKE_ENV: "QUEUE_URL=mysql://127.0.0.1/" };
  // With nothing up there is nothing afterwards.
  assert.doesNotMatch(exits(await limit(broken), 2), /that ran before/);
  await nothingIsLeft(checkout);

  exits(await checkout.run("otel_up", { WORKER_ENV: "GREETING=first" }), 0);
  const before = checkout.state()!;
  const isBack = (said: string, limited: boolean) => {
    assert.match(said, /error: .*; the worker that ran before is back\n/);
    const { api, postgres, collector } = checkout.state()!.parts;
    assert.deepEqual(
      { api, postgres, collector },
      { api: before.parts.api, postgres: before.parts.postgres, collector: before.parts.collector },
    );
    assert.ok(isAlive(worker()!) && worker()!.ready);
    assert.equal(worker()!.settings.GREETING, "first");
    assert.equal(worker()!.limited !== undefined, limited);
    if (process.platform === "linux")
      assert.match(readFileSync(`/proc/${worker()!.pid}/environ`, "utf8"), /\0GREETING=first\0/);
  };
  isBack(exits(await limit(broken), 2), false);
  for (const after of [/worker +finishes/, /worker +ended/]) {
    const ran = await interrupt(checkout.start("worker_prodlike"), after, "script");
    isBack(exits(ran, 130), false);
  }
  exits(await checkout.run("verify", quickJob(checkout)), 0);
  // A supervisor that took over has not started it itself.
  process.kill(checkout.state()!.supervisor.pid, "SIGKILL");
  isBack(exits(await limit(broken), 2), false);

  // A limited one comes back with what held for it.
  exits(await limit({ WORKER_ENV: "GREETING=first", PRODLIKE_OLD_SPACE_MB: "256" }), 0);
  isBack(exits(await limit(broken), 2), true);
  const [flags] = v8Flags([], currentRuntime);
  assert.match(worker()!.settings[flags] ?? "", /--max-old-space-size=256/);
  const { run } = JSON.parse((await checkout.run("verify", { ...quickJob(checkout), JSON: "1" })).stdout);
  assert.ok(JSON.parse(readFileSync(join(run, "run.json"), "utf8")).limits.length > 0);

  // One that had ended stays dead.
  process.kill(worker()!.pid, "SIGKILL");
  await waitFor(() => worker()?.exit, "the worker's end");
  assert.doesNotMatch(exits(await limit(broken), 2), /that ran before/);
  assert.ok(!worker() || !isAlive(worker()!));

  // So does a collector that cannot be started anew.
  const { pid } = checkout.state()!.parts.collector!;
  const restart = await interrupt(checkout.start("otel_restart"), /collector +ended/, "script");
  assert.match(exits(restart, 130), /the collector that ran before is back/);
  assert.notEqual(checkout.state()!.parts.collector!.pid, pid);
  exits(await checkout.run("otel_down"), 0);
  await nothingIsLeft(checkout);
});

faultTest("a verify that is killed, or whose supervisor is, leaves nothing either", async (checkout) => {
  const child = checkout.start("verify");
  await when(child, /postgres +ready/, () => child.kill("SIGKILL"));
  await nothingIsLeft(checkout);
  await when(checkout.start("verify"), SERVICES_READY, () => process.kill(checkout.state()!.supervisor.pid, "SIGKILL"));
  await nothingIsLeft(checkout);
});

faultTest("the stack ends when .prodlike is removed under it, and a new one takes its place", async (checkout) => {
  // Tried again when a part has written something meanwhile.
  const remove = async (...path: string[]) => {
    const isRemoved = async () => {
      rmSync(home(checkout, ...path), { recursive: true, force: true });
      return true;
    };
    await waitFor(isRemoved, "the end of the folder", { everyMs: 1 });
  };
  exits(await checkout.run("otel_up"), 0);
  const store: { folder: string } = JSON.parse(readFileSync(home(checkout, "stack", "postgres.json"), "utf8"));
  await remove();
  await nothingIsLeft(checkout);
  assert.equal(existsSync(store.folder), false);
  assert.match(exits(await checkout.run("otel_down"), 0), /Nothing was up/);
  // At once, and while the old stack is still ending: the next command waits for that.
  for (const path of [[], ["stack", "state.json"], ["stack", "supervisor.lock"]]) {
    exits(await checkout.run("otel_up", COLLECTOR), 0);
    const before = checkout.state()!;
    const collector = before.parts.collector!.pid;
    process.kill(collector, "SIGSTOP");
    await remove(...path);
    const up = checkout.run("otel_up", COLLECTOR);
    const holder = () => JSON.parse(readFileSync(home(checkout, "stack", "supervisor.lock"), "utf8")).pid;
    // Where the state is left, the command waits for the end of the old one before it starts the next.
    if (!path.includes("supervisor.lock"))
      await waitFor(() => holder() !== before.supervisor.pid || undefined, "the next supervisor");
    process.kill(collector, "SIGCONT");
    exits(await up, 0);
    assert.notEqual(checkout.state()!.supervisor.pid, before.supervisor.pid);
    assert.ok(!isAlive(before.supervisor) && isAlive(checkout.state()!.parts.collector!));
    await remove(...path);
    exits(await checkout.run("otel_down"), 0);
    await nothingIsLeft(checkout);
  }
  // In the middle of a command.
  const up = checkout.run("otel_up");
  await waitFor(() => checkout.state()?.parts.collector, "the first part");
  await remove();
  exits(await up, 2);
  await nothingIsLeft(checkout);
});

faultTest("a .prodlike that cannot be used is one line, and keeps nothing from ending", async (checkout) => {
  writeFileSync(home(checkout), "");
  for (const name of ["otel_up", "verify"]) {
    const said = exits(await checkout.run(name), 2);
    assert.match(said, /error: Cannot write to ".*stack": there is a file in its place\nnext: {2}ls -ld/);
  }
  assert.match(exits(await checkout.run("otel_down"), 0), /Nothing was up/);
  rmSync(home(checkout));

  exits(await checkout.run("otel_up", COLLECTOR), 0);
  const before = checkout.state()!;
  mkdirSync(home(checkout, "stack", "state.json.new")); // so that not even root can write the state
  assert.match(exits(await checkout.run("otel_up"), 2), /error: Cannot write ".*state.json": EISDIR/);
  assert.deepEqual((await checkout.processes()).sort(), [before.supervisor.pid, before.parts.collector!.pid].sort());
  exits(await checkout.run("otel_down"), 0);
  await nothingIsLeft(checkout);
  const said = exits(await checkout.run("otel_up", COLLECTOR), 2);
  assert.match(said, /error: Cannot start the supervisor: Cannot write ".*state.json": EISDIR/);
  await nothingIsLeft(checkout);
});

faultTest("an ordinary user's store and files may vanish, be damaged or be of another version", async (checkout) => {
  // Root's store lies elsewhere, and root may write everywhere.
  const user = await serverUser();
  const { folder } = checkout;
  const own = () => user.uid === undefined || execa("chown", ["-R", `${user.uid}:${user.gid}`, folder]);
  await own();
  const run = (name: string, extra = {}) =>
    finish(
      checkout.start(name, { ...quickJob(checkout), HOME: folder, DENO_DIR: join(folder, ".deno"), ...extra }, user),
    );
  const file = (name: string) => home(checkout, "stack", name);
  const refused = async (message: RegExp) => {
    assert.match(exits(await run("otel_up"), 2), message);
    await nothingIsLeft(checkout);
  };

  exits(await run("otel_up"), 0);
  const store = readFileSync(file("postgres.json"), "utf8");
  assert.equal(JSON.parse(store).folder, file("postgres"));
  for (const name of ["20200101T000000Z-0000", "20200101T000000Z-0001/run.json"])
    mkdirSync(home(checkout, "runs", name), { recursive: true });
  await own();
  for (const damage of ["{", JSON.stringify({ ...checkout.state(), version: 2 })]) {
    writeFileSync(file("state.json"), damage);
    exits(await run("otel_up"), 0);
  }
  exits(await run("verify"), 0);
  writeFileSync(file("postgres.json"), JSON.stringify({ folder: file("postgres") }));
  exits(await run("otel_down"), 0);
  await refused(
    /error: Cannot use ".*postgres.json": it is damaged, or another version .*\nnext: {2}rm ".*postgres.json"/,
  );
  writeFileSync(file("postgres.json"), store);
  writeFileSync(file("postgres/data/PG_VERSION"), "17\n");
  await refused(/error: Cannot start the postgres: .*version/);
  rmSync(file("postgres.json")); // with it goes the password of the data
  exits(await run("otel_up"), 0);
  rmSync(home(checkout), { recursive: true });
  await nothingIsLeft(checkout);

  mkdirSync(home(checkout), { mode: 0o500 });
  await own();
  await refused(/error: Cannot write to ".*stack": this user may not\n/);
});
