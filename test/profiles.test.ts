import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { currentRuntime } from "../src/settings/runtime.ts";
import { profilesIn } from "../src/sources/profile_files.ts";
import { readProfile } from "../src/sources/read_profile.ts";
import { serverWitness } from "../src/verify/profile_witness.ts";
import { waitFor } from "../src/wait_for.ts";
import { failure, failures, json } from "./breaks.ts";
import { makeCheckout, nothingIsLeft } from "./checkout.ts";
import { runProfiled } from "./profiled_program.ts";

test("verify PROFILING=on proves profiles of both services, and the run keeps them", async () => {
  const checkout = await makeCheckout();
  try {
    const ran = await checkout.run("verify", { PROFILING: "on", RUNTIME: currentRuntime, JSON: "1" });
    assert.equal(ran.code, 0, ran.stderr);
    const result = json(ran);
    const profiled = result.checks.filter(({ name }) => name.includes("profile"));
    assert.equal(profiled.length, 3);
    const profiles = join(result.run!, "profiles");
    assert.deepEqual(readdirSync(profiles).sort(), ["prodlike-api", "prodlike-worker"]);
    if (currentRuntime === "deno") {
      assert.match(profiled[2]!.detail, /^not measured: on Deno/);
    } else {
      const files = profilesIn(profiles, { fromMs: 0, untilMs: Date.now() });
      const labels = files.flatMap(({ path }) => readProfile(path)).map((sample) => sample.labels);
      const own = labels.filter(({ trace_id: id, job }) => id === result.traceId && job === "review");
      assert.ok(
        own.length >= 3 && own.every(({ span_id: id }) => /^[0-9a-f]{16}$/.test(id ?? "")),
        JSON.stringify(own),
      );
    }
    await nothingIsLeft(checkout);
  } finally {
    await checkout.close();
  }
});

test("verify PROFILING=on disproves profiles of a service that takes none, or sends them elsewhere", async () => {
  const checkout = await makeCheckout();
  try {
    const off = await checkout.run("verify", { PROFILING: "on", WORKER_ENV: "PROFILING=off", JSON: "1" });
    assert.equal(off.code, 1, off.stderr);
    assert.match(failure(json(off), "profiles of prodlike-worker").detail, /the worker runs with PROFILING=off/);
    const elsewhere = "PYROSCOPE_FLUSH_INTERVAL_MS=1000 PYROSCOPE_SERVER_ADDRESS=http://127.0.0.1:9";
    const away = await checkout.run("verify", { PROFILING: "on", API_ENV: elsewhere, JSON: "1" });
    assert.equal(away.code, 1, away.stderr);
    assert.deepEqual(
      failures(json(away)).map(({ name }) => name),
      ["profiles of prodlike-api"],
    );
    assert.match(failure(json(away), "profiles of prodlike-api").detail, /the api says "telemetry .* was not sent: /);
  } finally {
    await checkout.close();
  }
});

test("a stack that is up without profiles is not changed by PROFILING=on, and otel-restart empties them", async () => {
  const checkout = await makeCheckout();
  try {
    assert.equal((await checkout.run("otel_up")).code, 0);
    const refused = await checkout.run("otel_up", { PROFILING: "on" });
    assert.match(refused.stderr, /Cannot change the running \w+: it was started with another .*PROFILING/);
    const unproved = await checkout.run("verify", { PROFILING: "on", JSON: "1" });
    assert.match(failure(json(unproved), "profiles of prodlike-api").detail, /the api runs with PROFILING=off/);
    assert.equal((await checkout.run("otel_down")).code, 0);

    const on = await checkout.run("otel_up", { PROFILING: "on", JSON: "1" });
    assert.equal(on.code, 0, on.stderr);
    const folder = join(checkout.folder, ".prodlike/stack/profiles");
    const files = () => profilesIn(folder, { fromMs: 0, untilMs: Date.now() });
    await waitFor(() => files()[0], "a profile");
    const last = files().at(-1)!.untilMs;
    assert.equal((await checkout.run("otel_restart", { PROFILING: "on" })).code, 0);
    assert.ok(files().every(({ untilMs }) => untilMs > last));
  } finally {
    await checkout.close();
  }
});

const server = process.env.PYROSCOPE_TEST_URL;

test("a real Pyroscope server takes the profiles and finds the job's span", {
  skip: currentRuntime === "deno" || (server ? false : "NOT TESTED: PYROSCOPE_TEST_URL is not set"),
}, async () => {
  const since = Date.now() - 1_000;
  const service = `prodlike-test-${process.pid}`;
  const ran = await runProfiled(`await inJob("job", async () => burn("burn_job", 500));`, {
    PYROSCOPE_SERVER_ADDRESS: server ?? "",
    OTEL_SERVICE_NAME: service,
  });
  assert.equal(ran.stderr, "");
  const witness = serverWitness(server ?? "", since, new AbortController().signal);
  await waitFor(async () => (await witness.kindsOf(service))[0], "the heap", { timeoutMs: 60_000 });
  const found = async () => (await witness.cpuMsOf(service, ran.spans)) || undefined;
  const cpuMs = await waitFor(found, "the job's samples", { timeoutMs: 60_000 });
  assert.ok(cpuMs > 250 && cpuMs < 1_000, String(cpuMs));
});
