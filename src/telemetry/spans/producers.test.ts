import assert from "node:assert/strict";
import { request, testWith, traceOf } from "../../../test/job_spans.ts";
import { LIBRARIES, runJobs } from "../../../test/run_jobs.ts";

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
