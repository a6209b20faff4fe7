import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { test } from "node:test";
import { type Profiled, runProfiled, samplesOf } from "../../../test/profiled_program.ts";
import { currentRuntime } from "../../settings/runtime.ts";
import { OWN_CODE } from "../names.ts";
import { startProfiles } from "./profiles.ts";

// There the profiler of Node cannot be loaded; deno_profiler.test.ts is about its own.
const skip = currentRuntime === "deno";
const spanIds = ({ spans }: Profiled, name: string) =>
  spans.filter((span) => span.name === name).map((span) => span.spanId);

test("each sample carries the job and the span it was for, in jobs that run at once and after each flush", {
  skip,
}, async () => {
  const ran = await runProfiled(
    `const { setTimeout: sleep, setImmediate: next } = await import("node:timers/promises");
    const work = (name) => inJob(name, async () => {
      for (let i = 0; i < 120; i++) {
        burn("burn_" + name, 12);
        await (i % 3 ? next() : sleep(1));
      }
      await trace.getTracer("test").startActiveSpan(name + " stage", async (span) => {
        burn("stage_" + name, 60); // before it awaits anything
        await next();
        span.end();
      });
      burn("after_" + name, 60);
    });
    await Promise.all([work("a"), work("b"), inJob("waits", () => sleep(1_000))]);`,
    { PYROSCOPE_FLUSH_INTERVAL_MS: "1000" },
  );
  assert.equal(ran.code, 0, ran.stderr);
  for (const job of ["a", "b"]) {
    for (const [work, span] of Object.entries({ burn: job, stage: `${job} stage`, after: job })) {
      const samples = samplesOf(ran.profiles, `${work}_${job}`);
      const [owner] = ran.spans.filter(({ name }) => name === span);
      assert.ok(samples.length >= 3, `${samples.length} samples of ${work}_${job}`);
      for (const { labels } of samples) {
        assert.deepEqual(labels, { job, span_id: owner?.spanId, trace_id: owner?.traceId }, `${work}_${job}`);
      }
    }
    const withIt = ran.profiles.filter((profile) => samplesOf([profile], `burn_${job}`).length > 0);
    assert.ok(withIt.length >= 2, `${withIt.length} profiles with samples of ${job}`);
  }
  // What is ours says so where a sample has seen it, and the program itself does not.
  const files = new Set(samplesOf(ran.profiles, "burn_a").flatMap(({ stack }) => stack.map(({ file }) => file)));
  for (const file of files) assert.equal(file.startsWith(OWN_CODE), file.includes("/src/telemetry/"), file);
  const cpuMs = samplesOf(ran.profiles, "burn_a").reduce((sum, { values }) => sum + (values.cpu ?? 0) / 1e6, 0);
  assert.ok(cpuMs > 720 && cpuMs < 2_880, `${cpuMs} ms in samples of 1440 ms`);
  assert.equal(spanIds(ran, "waits").length, 1);
  assert.equal(ran.stderr, "");
});

test("a span that holds the thread through a flush keeps its samples", { skip }, async () => {
  const ran = await runProfiled(`
    process.on("SIGTERM", () => {}); // so that the process goes on
    await inJob("long", async () => {
      burn("before", 100);
      process.emit("SIGTERM"); // flushes at once, in the midst of the job
      burn("behind", 100);
    });`);
  for (const name of ["before", "behind"]) {
    const samples = samplesOf(ran.profiles, name);
    assert.ok(samples.length >= 3, `${samples.length} samples of ${name}: ${ran.stderr}`);
    assert.ok(samples.every(({ labels }) => labels.job === "long" && labels.span_id === spanIds(ran, "long")[0]));
  }
  assert.equal(ran.profiles.filter((profile) => samplesOf([profile], "before").length > 0).length, 1);
});

const kinds = ({ profiles }: Profiled) =>
  new Set(profiles.flatMap(({ samples }) => samples.flatMap((one) => Object.keys(one.values))));

test("the last profile arrives with the last spans, of the heap too, however the process ends", { skip }, async () => {
  const job = `await inJob("last", async () => burn("last_work", 80)); console.log("busy");`;
  const ends: [string, number | null, NodeJS.Signals?][] = [
    ["", 0],
    [`setInterval(() => {}, 1000);`, null, "SIGTERM"],
    [`setTimeout(() => { throw new Error("boom") }); setInterval(() => {}, 1000);`, 1],
  ];
  for (const [end, code, signal] of ends) {
    const ran = await runProfiled(job + end, {}, signal ? { signal } : {});
    assert.deepEqual([ran.code, ran.signal], [code, signal ?? null], ran.stderr);
    assert.ok(samplesOf(ran.profiles, "last_work").length >= 3, `${end || "by itself"}: ${ran.stderr}`);
    assert.deepEqual([...kinds(ran)].sort(), ["cpu", "inuse_objects", "inuse_space", "sample", "wall"]);
    assert.ok(ran.profiles.every(({ service }) => service === "test-service" || service === "test"));
    assert.equal(ran.spans.length, 1, end);
  }
});

test("profiles are taken without tracing, and without labels", { skip }, async () => {
  const ran = await runProfiled(`burn("untraced", 80);`, { OTEL_ENABLED: "false", OTEL_SERVICE_NAME: "theirs" });
  assert.equal(ran.code, 0, ran.stderr);
  const samples = samplesOf(ran.profiles, "untraced");
  assert.ok(samples.reduce((ns, { values }) => ns + (values.cpu ?? 0), 0) > 40e6, ran.stderr);
  assert.ok(samples.every(({ labels }) => Object.keys(labels).length === 0));
  assert.equal(ran.profiles[0]?.service, "theirs");
});

test("no trace id is told to a receiver that did not ask for them", { skip }, async () => {
  const ran = await runProfiled(`await inJob("a", async () => burn("burn_a", 80));`, {
    PROFILE_TRACE_IDS_TO: "http://other",
  });
  const labels = samplesOf(ran.profiles, "burn_a").map((sample) => Object.keys(sample.labels).join());
  assert.deepEqual([...new Set(labels)], ["job,span_id"]);
});

test("the first profile ends 1 s after the first span, the next ones take longer, a quiet time begins anew", {
  skip: currentRuntime === "deno" && "it has no timers that a test can turn",
}, async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
  const ends: number[] = [];
  let onSpan = () => {};
  const onActivity = (listener: () => void) => {
    onSpan = listener;
  };
  const profiles = startProfiles(
    { collect: async () => [{ encode: () => new Uint8Array() }], onActivity },
    { flushIntervalMs: 5_000, send: async ([taken]) => void ends.push(taken!.untilMs - 1_000_000) },
  );
  async function pass(ms: number, isBusy: boolean): Promise<void> {
    for (let passed = 0; passed < ms; passed += 100) {
      if (isBusy) onSpan();
      t.mock.timers.tick(100);
      await new Promise(setImmediate);
    }
  }
  await pass(700, false);
  await pass(20_000, true);
  assert.deepEqual(ends.splice(0), [1_700, 3_700, 7_700, 12_700, 17_700]);
  await pass(10_300, false); // the profile that the last spans began, and quiet ones
  assert.deepEqual(ends.splice(0), [22_700, 27_700]);
  await pass(2_000, true);
  assert.deepEqual(ends.splice(0), [32_000]);
  await profiles.shutdown();
  assert.deepEqual(ends, [33_000]);
});

/** Runs a program whose profiles go to a server that answers like this. */
async function withServer(listener: RequestListener, environment: Record<string, string>, program = `burn("x", 700);`) {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number }; // a TCP server's address is always an object
  try {
    return await runProfiled(program, { PYROSCOPE_SERVER_ADDRESS: `http://127.0.0.1:${port}`, ...environment });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const busy = `
  const { setTimeout: sleep } = await import("node:timers/promises");
  for (let i = 0; i < 10; i++) { burn("x", 20); await sleep(80); }`;

test("refusals are counted, and said in a line each", { skip }, async () => {
  let requests = 0;
  const { stderr, code } = await withServer(
    (request, response) => {
      requests++;
      request.resume();
      response
        .writeHead(422, { "content-type": "application/json" })
        .end('{"code":"unknown","message":"too many series"}');
    },
    { PYROSCOPE_FLUSH_INTERVAL_MS: "100" },
    busy,
  );
  assert.equal(code, 0);
  const said = stderr.match(/a profile of test\S* was refused: the server answered 422: .*too many series.*\n/g);
  assert.equal(said?.length, 1, stderr);
  const [, all, refused] = /did not arrive, of (\d+): refused (\d+)/.exec(stderr) ?? [];
  assert.equal(Number(refused), requests);
  assert.ok(Number(all) >= requests && requests >= 4, stderr);
});

test("a server that never answers costs one flush at a time, and not the end of the process", { skip }, async () => {
  let requests = 0;
  const { stderr, code } = await withServer(() => requests++, { PYROSCOPE_FLUSH_INTERVAL_MS: "100" }, busy);
  assert.equal(code, 0);
  assert.ok(requests <= 6, String(requests)); // of twenty and more
  assert.match(stderr, /was not sent: .*timeout/);
  assert.ok(stderr.split("\n").length <= 4, stderr);
});

test("a server that is away or redirects is said in a line", { skip }, async () => {
  const away = await runProfiled(busy, {
    PYROSCOPE_SERVER_ADDRESS: "http://127.0.0.1:9",
    PYROSCOPE_FLUSH_INTERVAL_MS: "100",
  });
  assert.equal(away.code, 0);
  assert.match(away.stderr, /a profile of test\S* was not sent: .+\n(.*\n)?.*did not arrive, of \d+: failed \d+/);
  const moved = await withServer((_, response) => response.writeHead(302, { location: "/" }).end(), {});
  assert.match(moved.stderr, /was not sent: unexpected redirect/);
});

test("what authenticates is sent, and printed nowhere", { skip }, async () => {
  const seen = new Set<string>();
  const listener: RequestListener = ({ headers }, response) => {
    seen.add(`${headers.authorization} ${headers["x-scope-orgid"]}`);
    response.writeHead(401).end();
  };
  const basic = {
    PYROSCOPE_BASIC_AUTH_USER: "user",
    PYROSCOPE_BASIC_AUTH_PASSWORD: "s3cret",
    PYROSCOPE_TENANT_ID: "t1",
  };
  const secrets = [basic, { PYROSCOPE_AUTH_TOKEN: "s3cret-token" }, { PYROSCOPE_AUTH_TOKEN: "s3cret\nbroken" }];
  const printed: string[] = [];
  for (const secret of secrets) {
    const { stderr, stdout, code } = await withServer(listener, secret);
    assert.equal(code, 0);
    printed.push(stdout + stderr);
  }
  assert.deepEqual(
    [...seen],
    [`Basic ${Buffer.from("user:s3cret").toString("base64")} t1`, "Bearer s3cret-token undefined"],
  );
  assert.doesNotMatch(printed.join(), /s3cret|dXNlcjpzM2NyZXQ/);
  assert.match(printed[2]!, /^profiles of test: not measured: Cannot use PYROSCOPE_AUTH_TOKEN: printable ASCII/);
});

test("a name that every server refuses stops the profiles, and not the process", { skip }, async () => {
  const { stdout, stderr, profiles, code } = await runProfiled(`console.log("runs");`, {
    OTEL_SERVICE_NAME: "my service",
  });
  assert.equal(code, 0);
  assert.match(stdout, /runs/);
  assert.match(stderr, /^profiles of test: not measured: Cannot use "my service" as a name of profiles: letters, /);
  assert.deepEqual(profiles, []);
});
