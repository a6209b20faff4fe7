import assert from "node:assert/strict";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import type { Queue } from "bullmq";
import { ofKind, request, testWith, traceOf } from "../../../test/job_spans.ts";
import { LIBRARIES, runJobs } from "../../../test/run_jobs.ts";
import * as names from "../names.ts";

class Options {
  readonly #id: string;
  constructor(id: string) {
    this.#id = id;
  }
  get jobId() {
    return this.#id;
  }
}

class Task {
  readonly #id: string;
  constructor(id: string) {
    this.#id = id;
  }
  get name() {
    return `task ${this.#id}`;
  }
  get queueName() {
    return "work";
  }
  get data() {
    return { of: this.#id };
  }
  get opts(): { jobId: string; attempts?: number } {
    return { jobId: this.#id };
  }
}

testWith(LIBRARIES, "options and jobs that are no plain objects are read as without us", async (library) => {
  const seen: unknown[] = [];
  const spans = await runJobs(
    async ({ queue, flow, ended }) => {
      await request(async () => {
        await queue.add("class", {}, new Options("getter"));
        await queue.add("created", {}, Object.freeze(Object.create({ jobId: "inherited" })));
        await queue.addBulk([new Task("bulk")]);
        await flow.add(new Task("flow"));
        await flow.addBulk([Object.create({ name: "parent", queueName: "work", children: [new Task("child")] })]);
        const repeated = await queue.upsertJobScheduler("often", { every: 60_000, limit: 1 }, new Task("template"));
        for (const id of ["getter", "inherited", "bulk", "flow", "child", String(repeated?.id)]) await ended(id);
      });
    },
    {
      library,
      processor: async ({ name, id, data }) => {
        seen.push([name, name === "task template" ? "" : id, data]);
      },
    },
  );
  const all = seen.filter((each) => (each as string[])[0] !== "parent").sort(); // nobody gave that one an id
  assert.deepEqual(all, [
    ["class", "getter", {}],
    ["created", "inherited", {}],
    ["task bulk", "bulk", { of: "bulk" }],
    ["task child", "child", { of: "child" }],
    ["task flow", "flow", { of: "flow" }],
    ["task template", "", { of: "template" }],
  ]);
  assert.equal(new Set(spans.map(traceOf)).size, 1);
});

testWith(LIBRARIES, "the span of addBulk tells the jobs that there are, each once", async (library) => {
  const spans = await runJobs(
    async ({ url }) => {
      const queue = new library.bullmq.Queue("bulk", { connection: { url } }); // nobody takes its jobs
      const same = (jobId: string) => ({ name: "same", data: {}, opts: { jobId, deduplication: { id: "same" } } });
      await queue.addBulk([same("a"), same("b"), { name: "other", data: {}, opts: { jobId: "c" } }]);
      await queue.addBulk(
        Array.from({ length: 101 }, (_, i) => ({ name: "many", data: {}, opts: { jobId: `m${i}` } })),
      );
      const tooLarge = { name: "large", data: "x".repeat(99), opts: { sizeLimit: 5 } };
      await assert.rejects(queue.addBulk([tooLarge, tooLarge]), /exceeds the limit/);
      await queue.close();
    },
    { library },
  );
  const bulks = spans.filter(({ name }) => name === "addBulk bulk");
  const told = bulks.map(({ attributes }) => [
    attributes[names.MESSAGING_BATCH_MESSAGE_COUNT],
    attributes[names.BATCH_MESSAGE_IDS],
  ]);
  assert.deepEqual(told, [
    [2, ["a", "c"]],
    [101, Array.from({ length: 100 }, (_, i) => `m${i}`)],
    [2, undefined],
  ]);
});

testWith(
  LIBRARIES,
  "arguments that BullMQ refuses leave spans that have failed, and its own error",
  async (library) => {
    const errors = async (...calls: (() => Promise<unknown>)[]) => {
      const messages = [];
      for (const call of calls) messages.push(await call().catch(({ message }: Error) => message));
      return messages;
    };
    const wrong = (value: unknown) => value as never;
    const { Queue: Original } = library.bullmq;
    const original = Original.prototype.addBulk;
    const spans = await runJobs(
      async ({ queue, flow }) => {
        const without = (jobs: unknown) => () => original.call(queue as Queue, wrong(jobs));
        const jobs = [undefined, [null], new Set([{ name: "in a set", data: {} }])];
        assert.deepEqual(
          await errors(...jobs.map((each) => () => queue.addBulk(wrong(each)))),
          await errors(...jobs.map(without)),
        );
        const flows = [{ name: "flow", queueName: "work", children: [wrong(null)] }, wrong(undefined)];
        const messages = await errors(...flows.map((each) => () => flow.add(each)));
        assert.ok(messages.every((message) => /null|undefined/.test(String(message))));
      },
      { library },
    );
    const refused = ofKind(spans, SpanKind.PRODUCER);
    assert.deepEqual(
      refused.map(({ name }) => name),
      ["addBulk work", "addBulk work", "addBulk work", "addFlow work", "addNode work"],
    );
    assert.ok(refused.every(({ status }) => status.code === SpanStatusCode.ERROR));
  },
);
