import { context, type Span } from "@opentelemetry/api";
import { InstrumentationBase, InstrumentationNodeModuleDefinition } from "@opentelemetry/instrumentation";
import type { WorkerFacts } from "../metrics/worker_facts.ts";
import { Attempt, type Surroundings } from "./attempt.ts";
import { AttemptsUnderWay } from "./attempts_under_way.ts";
import type { Job, Worker } from "./bullmq_types.ts";
import { harmless } from "./harmless.ts";
import { type Addition, makeAddition, type Producers } from "./producers.ts";

/** What observes the queues and workers of a process. */
export interface QueueObserver {
  producers: Producers;
  attempts: Surroundings;
  workers: WorkerFacts;
}

/** Patches BullMQ when the application loads it, by `require` or `import`. */
export class BullmqInstrumentation extends InstrumentationBase {
  readonly #observer: QueueObserver;
  #undo = () => {};

  constructor(observer: QueueObserver) {
    super("prodlike-bullmq", "1", {});
    this.#observer = observer;
  }

  protected override init() {
    return new InstrumentationNodeModuleDefinition(
      "bullmq",
      [">=5 <7"],
      (bullmq: Bullmq) => {
        this.#undo = harmless(() => patchBullmq(bullmq, this.#observer)) ?? this.#undo;
        return bullmq;
      },
      () => this.#undo(),
    );
  }
}

/** The package, or as much of it as there is when packages load each other in a circle. */
export type Bullmq = Partial<Record<"Queue" | "FlowProducer" | "Worker" | "Job", { prototype: object }>>;

/**
 * Has methods of BullMQ's prototypes observed, which works however and whenever an application makes its queues and workers;
 * returns what takes that back. A queue or worker with a `telemetry` option of its own stays as it is, but for its facts.
 */
export function patchBullmq({ Queue, FlowProducer, Worker, Job }: Bullmq, observer: QueueObserver): () => void {
  const { producers, attempts, workers } = observer;
  const underWay = new AttemptsUnderWay();
  const adding = (add: (target: never, args: unknown[], spans: Span[]) => Addition) => (original: Method) =>
    function (this: Telling, ...args: unknown[]) {
      if (hasTelemetry(this)) return original.apply(this, args);
      const spans: Span[] = [];
      // Arguments that cannot be read are BullMQ's to refuse, and the spans tell how it does.
      const read = harmless(() => add.call(producers, this as never, args, spans));
      const addition = read ?? { args, context: context.active() };
      if (spans.length === 0) return original.apply(this, args);
      return makeAddition(addition, spans, () => original.apply(this, addition.args));
    };
  const undo = [
    patch(Queue, {
      add: adding(producers.add),
      addBulk: adding(producers.addBulk),
      upsertJobScheduler: adding(producers.addScheduler),
    }),
    patch(FlowProducer, { add: adding(producers.addFlow), addBulk: adding(producers.addFlows) }),
    patch(Worker, {
      run: (original) =>
        function (this: Worker, ...args: unknown[]) {
          harmless(() => workers.add(this));
          return original.apply(this, args);
        },
      processJob: (original) =>
        function (this: Worker, ...args: unknown[]) {
          const job = args[0] as Job | undefined;
          if (!job || hasTelemetry(this)) return original.apply(this, args);
          const attempt = new Attempt(attempts, this, job);
          underWay.add(attempt);
          return (original.apply(this, args) as Promise<unknown>).then(
            (next) => {
              underWay.remove(attempt);
              harmless(() => attempt.end());
              return next;
            },
            (error) => {
              underWay.remove(attempt);
              harmless(() => attempt.end());
              throw error;
            },
          );
        },
      callProcessJob: (original) =>
        function (this: Worker, ...args: unknown[]) {
          const attempt = underWay.of(args[0] as Job);
          if (attempt?.worker !== this) return original.apply(this, args);
          return attempt.run(() => original.apply(this, args), this.childPool !== undefined);
        },
    }),
    patch(Job, {
      moveToFailed: (original) =>
        function (this: Job, ...args: unknown[]) {
          harmless(() => {
            const attempt = underWay.of(this);
            if (!attempt) return;
            const observed = Worker && Reflect.get(Worker.prototype, "callProcessJob");
            attempt.failing(args[0], attempt.worker.callProcessJob === observed);
          });
          return original.apply(this, args);
        },
    }),
  ];
  return () => {
    for (const each of undo) each();
  };
}

type Method = (this: unknown, ...args: unknown[]) => unknown;
type Patch = (original: Method) => (this: never, ...args: unknown[]) => unknown;

/** Known to every copy of this code in a process. */
const PATCHED = Symbol.for("prodlike.patched");

/** Replaces methods, once; returns what brings the old ones back. */
function patch(type: { prototype: object } | undefined, patches: Record<string, Patch>): () => void {
  const prototype = type?.prototype as Record<string | symbol, unknown> | undefined; // methods by name
  if (!prototype || Object.hasOwn(prototype, PATCHED)) return () => {};
  Object.defineProperty(prototype, PATCHED, { value: true, configurable: true });
  const originals = Object.keys(patches).map((name) => [name, prototype[name]] as const);
  for (const [name, original] of originals) {
    if (typeof original === "function") prototype[name] = patches[name]!(original as Method);
  }
  return () => {
    for (const [name, original] of originals) if (original) prototype[name] = original;
    delete prototype[PATCHED];
  };
}

/** What may have telemetry of its own, in its options or beside them. */
interface Telling {
  telemetry?: unknown;
  opts?: { telemetry?: unknown };
}

function hasTelemetry({ telemetry, opts }: Telling): boolean {
  return Boolean(telemetry ?? opts?.telemetry);
}
