import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readSpans } from "../src/otlp/read_spans.ts";
import { type Span, SpanKind } from "../src/otlp/types.ts";
import type { PartName } from "../src/stack/state.ts";
import { waitFor } from "../src/wait_for.ts";
import { makeCheckout, nothingIsLeft, type Ran } from "./checkout.ts";
import { createTestRoot } from "./review_repository.ts";

/** The job that a job span belongs to. */
export const jobOf = ({ attributes }: Span) => String(attributes["messaging.message.id"]);

type Stack = Awaited<ReturnType<typeof prepareStack>>;

export type { Stack as ReviewingStack };

/** Runs `use` with a stack that is up; then takes it down, and nothing of it may be left. */
export async function withStack(settings: Record<string, string>, use: (stack: Stack) => Promise<void>): Promise<void> {
  const stack = await prepareStack(settings);
  try {
    await stack.run("otel_up");
    await use(stack);
    await stack.run("otel_down");
    await nothingIsLeft(stack.checkout);
  } finally {
    await stack.checkout.close();
    await stack.root.remove();
  }
}

/** A stack that reviews two repositories: "small" in some ms, "large" in a second of CPU. */
async function prepareStack(settings: Record<string, string>) {
  const root = await createTestRoot();
  const source = "export const f = (a: any) => { if (a == 1) debugger; };\n".repeat(100);
  const files = Array.from({ length: 20 }, (_, i) => [`${i}.ts`, source]);
  await (await root.repository("small")).commit({ "a.ts": "debugger;\n" });
  await (await root.repository("large")).commit(Object.fromEntries(files));
  const checkout = await makeCheckout();
  const api = `http://127.0.0.1:${checkout.environment.API_PORT}`;
  const folder = join(checkout.folder, ".prodlike/stack");
  const accepted: string[] = [];

  const stack = {
    root,
    checkout,
    api,
    traces: join(folder, "traces.jsonl"),
    /** The ids of all jobs that were answered with 202. */
    accepted,
    log: (part: string) => readFileSync(join(folder, `${part}.log`), "utf8"),
    pid: (part: PartName) => checkout.state()!.parts[part]!.pid,
    async run(command: "otel_up" | "otel_restart" | "otel_down" | "worker_prodlike"): Promise<Ran> {
      const ran = await checkout.run(command, { ...settings, REVIEW_ROOT: root.path });
      assert.equal(ran.code, 0, ran.stderr);
      return ran;
    },
    async post(repository: "small" | "large") {
      const headers = { "content-type": "application/json" };
      const response = await fetch(`${api}/reviews`, { method: "POST", headers, body: JSON.stringify({ repository }) });
      const { id, detail } = (await response.json()) as { id: string; detail?: string };
      if (response.status === 202) accepted.push(id);
      return { status: response.status, id, detail };
    },
    reviews: (ids = accepted) =>
      Promise.all(
        ids.map(async (id) => {
          const response = await fetch(`${api}/reviews/${id}`);
          return (await response.json()) as { state: string; attempts: number };
        }),
      ),
    states: async (ids = accepted) => (await stack.reviews(ids)).map(({ state }) => state),
    /** How often jobs were started, without duplicates. */
    attempts: async (ids = accepted) => [...new Set((await stack.reviews(ids)).map(({ attempts }) => attempts))],
    async untilRunning(id: string): Promise<void> {
      const check = async () => (await stack.states([id]))[0] === "active" || undefined;
      await waitFor(check, "a running job", { everyMs: 10 });
    },
    /** Sends a signal to a part and waits until the supervisor has seen its end. */
    async kill(part: PartName, signal: NodeJS.Signals) {
      process.kill(stack.pid(part), signal);
      const check = () => checkout.state()?.parts[part]?.exit ?? undefined;
      return waitFor(check, `the end of the ${part}`, { timeoutMs: 30_000 });
    },
    async spans(): Promise<Span[]> {
      const found = new Map<string, Span>(); // an export whose answer was lost is sent again
      for await (const span of readSpans([`${stack.traces}.1`, stack.traces])) found.set(span.spanId, span);
      return [...found.values()];
    },
    async jobSpans(ids = accepted): Promise<Span[]> {
      return (await stack.spans()).filter((span) => span.kind === SpanKind.CONSUMER && ids.includes(jobOf(span)));
    },
    /** Waits until every accepted job has ended, then asserts that each is completed and none was run to its end twice. */
    async allDone(): Promise<void> {
      const isOver = (state: string) => state === "completed" || state === "failed";
      const check = async () => (await stack.states()).every(isOver) || undefined;
      await waitFor(check, `the end of ${accepted.length} jobs`, { timeoutMs: 40_000 });
      assert.deepEqual(new Set(await stack.states()), new Set(["completed"]));
      await waitFor(async () => (await stack.jobSpans()).length >= accepted.length || undefined, "the job spans");
      assert.deepEqual((await stack.jobSpans()).map(jobOf).sort(), [...accepted].sort());
    },
  };
  return stack;
}
