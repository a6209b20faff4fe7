import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { finish } from "../../test/checkout.ts";
import { startProgram } from "../../test/program.ts";
import { currentRuntime } from "../settings/runtime.ts";

interface Receiver {
  url: string;
  /** Paths of the requests that came whole. */
  requests: string[];
  close(): void;
}

/** A server that answers after `delayMs`; with -1 never. */
async function startReceiver(delayMs = 0): Promise<Receiver> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    request.resume().once("end", () => {
      requests.push(request.url ?? "");
      if (delayMs >= 0) setTimeout(() => response.end(), delayMs);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // a TCP server that listens
  return { url: `http://127.0.0.1:${port}`, requests, close: () => server.close().closeAllConnections() };
}

const oneSpan = `
  const { trace } = await import("@opentelemetry/api");
  trace.getTracer("test").startSpan("last").end();
  console.log("span ended");\n`;

/** How the program ends with telemetry, or without. */
async function ending(program: string, telemetry: Record<string, string>) {
  const environment = { OTEL_BSP_SCHEDULE_DELAY: "600000", OTEL_METRICS_EXPORTER: "none", ...telemetry };
  const { code, signal, stdout, stderr } = await finish(startProgram(oneSpan + program, environment, currentRuntime));
  return { code, signal, stdout, stderr: stderr.replace(/\(node:\d+\)/g, "(node:<pid>)") };
}

const killSoon = `setInterval(() => {}, 1_000); setTimeout(() => process.kill(process.pid, "SIGTERM"), 50);`;

const ends: [what: string, program: string][] = [
  ["throws in a timer", `setTimeout(() => { throw new Error("boom", { cause: new TypeError("c") }) });`],
  ["throws at its top", `throw Object.assign(new Error("boom"), { code: 5 });`],
  ["throws no error", `setTimeout(() => { throw { a: 1 } });`],
  ["throws null", `setTimeout(() => { throw null });`],
  ["rejects a promise", `setTimeout(() => Promise.reject(new Error("boom")));`],
  ["rejects with no error", `setTimeout(() => Promise.reject(4));`],
  [
    "emits an error that nobody listens for",
    `const { EventEmitter } = await import("node:events");
     setTimeout(() => new EventEmitter().emit("error", new Error("boom")));`,
  ],
  ["has no stack left", `function f() { f(); } setTimeout(f);`],
  ["throws again and again", `setInterval(() => { throw new Error("boom") }, 1);`],
  [
    "handles the error and exits",
    `process.on("uncaughtException", () => process.exit(9)); setTimeout(() => { throw 1 });`,
  ],
  [
    "handles the error and goes on",
    `process.on("uncaughtException", ({ message }) => console.log(message)); setTimeout(() => { throw new Error("boom") });`,
  ],
  [
    "watches errors",
    `process.on("uncaughtExceptionMonitor", ({ message }, origin) => console.log(message, origin));
     setTimeout(() => { throw new Error("boom") });`,
  ],
  [
    "sets another code while it exits",
    `process.on("exit", (code) => { console.log(code); process.exitCode = 8; }); setTimeout(() => { throw 1 });`,
  ],
  ["exits", `process.exit(3);`],
  ["sets its code", `process.exitCode = 5;`],
  ["handles SIGTERM and exits at once", `process.on("SIGTERM", () => process.exit(4)); ${killSoon}`],
  [
    "is told of the signal by signal-exit",
    `(await import("signal-exit")).onExit(() => console.log("told")); ${killSoon}`,
  ],
  [
    "finds more to do when it has ended",
    `let rounds = 0;
     process.on("beforeExit", () => {
       console.log("round", rounds);
       if (rounds++ < 2) setTimeout(() => trace.getTracer("test").startSpan("more").end(), 20);
     });`,
  ],
  [
    "finds more to do behind promises, and by threads",
    `const { pbkdf2 } = await import("node:crypto");
     const { setTimeout: sleep } = await import("node:timers/promises");
     process.once("beforeExit", async () => {
       for (let i = 0; i < 5; i++) await i;
       await new Promise((resolve) => pbkdf2("a", "b", 100_000, 64, "sha512", resolve));
       await sleep(50);
       console.log("late");
       process.exitCode = 5;
     });`,
  ],
];

for (const [what, program] of ends) {
  test(`a process ends as without telemetry, and its spans arrive, when it ${what}`, async () => {
    const receiver = await startReceiver();
    try {
      const [off, on] = await Promise.all([
        ending(program, { OTEL_ENABLED: "false" }),
        ending(program, { OTEL_ENABLED: "true", OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url }),
      ]);
      assert.deepEqual(on, off);
      assert.match(on.stdout, /^span ended\n/);
      assert.deepEqual(receiver.requests, ["/v1/traces"]);
    } finally {
      receiver.close();
    }
  });
}

test("a process ends as without telemetry when its handler of errors throws, or a promise at its top never settles", {
  skip: currentRuntime === "deno" && "it has no such codes",
}, async () => {
  const receiver = await startReceiver();
  try {
    const handler = `process.on("uncaughtException", () => { throw new Error("mine") }); setTimeout(() => { throw 1 });`;
    for (const [program, code] of [
      [handler, 7],
      ["await new Promise(() => {});", 13],
    ] as const) {
      const off = await ending(program, { OTEL_ENABLED: "false" });
      const on = await ending(program, { OTEL_ENABLED: "true", OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url });
      assert.deepEqual(on, off);
      assert.equal(on.code, code);
    }
  } finally {
    receiver.close();
  }
});

test("a process whose output nobody reads any more ends with its first line, and its spans arrive", {
  skip: currentRuntime === "deno" && "it goes on there",
}, async () => {
  const receiver = await startReceiver();
  try {
    const program = `setInterval(() => { console.log("out"); console.error("line"); }, 1);`;
    const environment = {
      OTEL_ENABLED: "true",
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_BSP_SCHEDULE_DELAY: "600000",
    };
    const child = startProgram(oneSpan + program, { ...environment, OTEL_METRICS_EXPORTER: "none" }, currentRuntime);
    const ended = once(child, "exit");
    child.stderr?.once("data", () => {
      child.stderr?.destroy();
      child.stdout?.destroy();
    });
    child.stdout?.resume();
    assert.deepEqual(await ended, [1, null]);
    assert.deepEqual(receiver.requests, ["/v1/traces"]);
  } finally {
    receiver.close();
  }
});

test("what telemetry has to say ends no process whose stderr nobody reads", async () => {
  const program = `
    const { diag } = await import("@opentelemetry/api");
    process.on("SIGUSR2", () => {
      for (let i = 0; i < 50; i++) diag.error("problem " + i);
      setTimeout(() => process.exit(6), 50);
    });
    setInterval(() => {}, 1_000);
    console.log("ready");`;
  const child = startProgram(program, { OTEL_ENABLED: "true", OTEL_METRICS_EXPORTER: "none" }, currentRuntime);
  const ended = once(child, "exit");
  child.stdout?.once("data", () => {
    child.stderr?.destroy();
    process.kill(child.pid!, "SIGUSR2"); // Deno would take the signal of `child.kill` for the reason of the end
  });
  assert.deepEqual(await ended, [6, null]);
});

test("spans arrive when nothing of metrics does, and the other way round", async () => {
  const silent = await startReceiver(-1);
  const receiver = await startReceiver();
  try {
    for (const [traces, metrics] of [
      [silent, receiver],
      [receiver, silent],
    ] as const) {
      const { signal } = await ending(`process.kill(process.pid, "SIGTERM"); setInterval(() => {}, 1_000);`, {
        OTEL_ENABLED: "true",
        OTEL_METRICS_EXPORTER: "otlp",
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${traces.url}/v1/traces`,
        OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${metrics.url}/v1/metrics`,
      });
      assert.equal(signal, "SIGTERM");
    }
    assert.deepEqual(receiver.requests, ["/v1/metrics", "/v1/traces"]);
  } finally {
    silent.close();
    receiver.close();
  }
});
