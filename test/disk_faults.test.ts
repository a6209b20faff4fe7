import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isAlive } from "../src/processes/process_id.ts";
import { waitFor } from "../src/wait_for.ts";
import { type Checkout, makeCheckout, nothingIsLeft } from "./checkout.ts";
import { fillDisk, withSmallDisk } from "./small_disk.ts";

const REQUESTS = 40;
const MOST_MB = 400;

/** Gives the test a checkout whose `.prodlike` is a disk of 6 MB. */
function diskTest(name: string, body: (checkout: Checkout, home: string, t: TestContext) => Promise<void>): void {
  test(name, async (t) => {
    const checkout = await makeCheckout();
    const folder = join(checkout.folder, ".prodlike");
    try {
      await withSmallDisk(
        t,
        async (home) => {
          try {
            await body(checkout, home, t);
          } finally {
            await checkout.end(); // while its record can be read
          }
        },
        { size: "6m", folder },
      );
    } finally {
      await checkout.close();
    }
  });
}

/** Runs a script that has to succeed; what it printed for people. */
async function succeeds(checkout: Checkout, name: string, environment: Record<string, string> = {}): Promise<string> {
  const { code, stdout, stderr } = await checkout.run(name, environment);
  assert.equal(code, 0, `${name}: ${stderr}`);
  return stderr + stdout;
}

const residentMb = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024;
const cpuMs = (pid: number) => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
};

function makeRoom(home: string): void {
  for (const name of readdirSync(home)) if (name.startsWith("filler")) rmSync(join(home, name));
}

/** Sends reviews without ESLint, and waits until the last has ended. */
async function sendReviews({ environment: { API_PORT } }: Checkout, count: number): Promise<void> {
  const url = `http://127.0.0.1:${API_PORT}/reviews`;
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(url, { method: "POST", headers, body: '{"base":"HEAD"}' });
    assert.equal(answer.status, 202, await answer.clone().text());
    ids.push(((await answer.json()) as { id: string }).id);
  }
  for (const id of ids) {
    const isDone = async () => {
      const { state } = (await (await fetch(`${url}/${id}`)).json()) as { state: string };
      return state === "completed" || undefined;
    };
    await waitFor(isDone, `review ${id}`, { timeoutMs: 60_000 });
  }
}

diskTest(
  "a full disk grows nobody, ends nobody, and keeps nothing from ending or starting",
  async (checkout, home, t) => {
    await succeeds(checkout, "otel_up");
    const before = checkout.state()!;
    await waitFor(() => existsSync(join(home, "stack", "reserve")) || undefined, "the reserve");
    fillDisk(home);
    await sendReviews(checkout, REQUESTS);
    assert.match(await succeeds(checkout, "otel_up"), /nothing was changed/);
    for (const part of ["api", "worker"] as const) {
      const { pid } = before.parts[part]!;
      const mb = residentMb(pid);
      t.diagnostic(`${part}: ${mb.toFixed(0)} MB, ${cpuMs(pid)} ms of CPU`);
      assert.ok(mb < MOST_MB, `the ${part} holds ${mb} MB`);
    }
    for (const id of [before.supervisor, ...Object.values(before.parts)]) assert.ok(isAlive(id));

    makeRoom(home);
    await sendReviews(checkout, 1);
    const apiLog = readFileSync(join(home, "stack", "api.log"), "utf8");
    const notice = /"dropped":\d+,"msg":"\d+ lines of this log were dropped: they could not be written \(ENOSPC\)"/;
    assert.match(apiLog, notice);
    await succeeds(checkout, "verify"); // telemetry goes on

    fillDisk(home);
    // The worst: the next supervisor has to write its lock and its record.
    process.kill(before.supervisor.pid, "SIGKILL");
    await succeeds(checkout, "otel_down");
    await nothingIsLeft(checkout);
    await succeeds(checkout, "otel_up");
    fillDisk(home); // what was given up for the record
    await succeeds(checkout, "otel_down");
    await nothingIsLeft(checkout);
  },
);

diskTest(
  "a disk that was full before the first otel-up is named, and so is one without a reserve",
  async (checkout, home) => {
    const filler = fillDisk(home);
    for (const name of ["otel_up", "verify"]) {
      const { code, stderr } = await checkout.run(name);
      assert.equal(code, 2, stderr);
      assert.match(stderr, /error: Cannot write to ".*stack": no space left on the disk of ".*stack" \(ENOSPC\)\n/);
      assert.match(stderr, /next: {2}df -h ".*stack"\n/);
    }
    rmSync(filler);
    await succeeds(checkout, "otel_up", { ONLY: "collector" });
    const { supervisor, parts } = checkout.state()!;
    process.kill(supervisor.pid, "SIGKILL");
    rmSync(join(home, "stack", "reserve"), { force: true });
    fillDisk(home);
    // Nobody can keep a record: what runs is ended without a supervisor.
    assert.match(await succeeds(checkout, "otel_down"), /no space left on .*; what runs is ended without it/);
    assert.ok(!isAlive(parts.collector!));
    for (const name of ["state.json", "supervisor.lock"]) rmSync(join(home, "stack", name), { force: true });
    await nothingIsLeft(checkout);
  },
);
