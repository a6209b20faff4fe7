import assert from "node:assert/strict";
import { AsyncResource } from "node:async_hooks";
import { once } from "node:events";
import { readFile, stat } from "node:fs";
import { connect, createServer } from "node:net";
import { test } from "node:test";
import { setImmediate, setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { type Context, context } from "@opentelemetry/api";
import { currentRuntime } from "../../settings/runtime.ts";
import { contextOfJob, jobNameOf, OWNER, OwnerContextManager } from "./owner.ts";

const runAsJob = <T>(name: string, run: () => T): T => context.with(contextOfJob(name, context.active()), run);

/** Runs `use` while owners are watched; `owner()` is the name of the job that was last said to own the thread. */
async function watching(use: (owner: () => string | undefined) => Promise<void>): Promise<void> {
  let last: string | undefined;
  const listener = (owner: unknown) => {
    last = jobNameOf(owner as Context);
  };
  const manager = new OwnerContextManager().enable();
  OWNER.subscribe(listener);
  context.setGlobalContextManager(manager);
  try {
    await use(() => last);
  } finally {
    context.disable();
    OWNER.unsubscribe(listener);
  }
}

// On Deno async_hooks know no store.
const skip = currentRuntime === "deno";

test("OWNER names the job that each piece of work is for, in jobs that run at once", { skip }, () =>
  watching(async (owner) => {
    const echo = createServer((socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
    await once(echo, "listening");
    const { port } = echo.address() as { port: number }; // a TCP server's address is always an object
    const wrong = new Set<string>();
    let looks = 0;
    async function work(job: string): Promise<void> {
      const look = (after: string, expected = job) => {
        looks++;
        if (owner() !== expected) wrong.add(`${after}: ${expected}, not ${owner()}`);
      };
      const called = (begin: (done: () => void) => void, what: string) =>
        new Promise<void>((resolve) => {
          begin(() => {
            look(what);
            resolve();
          });
        });
      look("the call");
      for (let round = 0; round < 30; round++) {
        await null;
        look("await");
        await setTimeout(Math.random() * 3);
        look("a timer");
        await setImmediate();
        look("an immediate");
        await called((done) => process.nextTick(done), "a tick");
        await called((done) => queueMicrotask(done), "a microtask");
        await called((done) => stat("/", done), "a file");
        await promisify(readFile)(import.meta.filename);
        look("a promise of a file");
        await called((done) => {
          const socket = connect(port, "127.0.0.1", () => socket.end("x"));
          socket.on("data", () => look("data")).on("close", done);
        }, "a socket");
        await runAsJob("inner", async () => {
          look("a job in a job", "inner");
          await null;
          look("await in it", "inner");
        });
        look("that job");
        const ended = runAsJob("other", () => setTimeout(5));
        look("a job that goes on");
        await ended;
        look("its end");
      }
    }
    try {
      await Promise.all(["a", "b", "c"].map((job) => runAsJob(job, () => work(job))));
      assert.ok(looks > 1_000);
      assert.deepEqual([...wrong], []);
      assert.equal(owner(), undefined);
    } finally {
      echo.close();
    }
  }),
);

test("OWNER is again that of the caller after a scope that it has entered", { skip }, () =>
  watching(async (owner) => {
    const resource = runAsJob("theirs", () => new AsyncResource("TEST"));
    await runAsJob("ours", async () => {
      await null;
      resource.runInAsyncScope(() => {});
      assert.equal(owner(), "ours");
      assert.throws(() => runAsJob("thrower", () => assert.fail("thrown")), /thrown/);
      assert.equal(owner(), "ours");
    });
  }),
);

test("a context that is entered outside of all callbacks is still there after a scope in it", { skip }, () =>
  watching(async () => {
    const resource = new AsyncResource("TEST");
    await runAsJob("ours", async () => {
      resource.runInAsyncScope(() => {});
      assert.equal(jobNameOf(context.active()), "ours");
    });
  }),
);

test("what a job leaves running keeps its context", { skip }, () =>
  watching(async () => {
    const names: (string | undefined)[] = [];
    const look = () => void names.push(jobNameOf(context.active()));
    await runAsJob("job", async () => {
      void setTimeout(30).then(look);
      globalThis.setTimeout(look, 30);
    });
    await setTimeout(60);
    assert.deepEqual(names, ["job", "job"]);
  }),
);
