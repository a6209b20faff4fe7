import { type Attributes, type Context, context, type Span, SpanKind, type Tracer, trace } from "@opentelemetry/api";
import * as names from "../names.ts";
import type { AddedNode, FlowNode, FlowProducer, Job, JobOptions, Queue } from "./bullmq_types.ts";
import { recordError } from "./errors.ts";
import { harmless } from "./harmless.ts";
import { withInherited } from "./inherited.ts";
import { markChildren, metadataOf } from "./job_context.ts";

/** A call that adds jobs, before it is made. */
export interface Addition {
  /** What to call it with: the jobs carry the context in their options. */
  args: unknown[];
  /** The context to call it in. */
  context: Context;
  /** Is told what it returned. */
  describe?(result: unknown): void;
}

/** Makes the call, returns what it returns, and ends the spans. */
export async function makeAddition(addition: Addition, spans: Span[], call: () => unknown): Promise<unknown> {
  try {
    const result = await context.with(addition.context, call);
    harmless(() => addition.describe?.(result));
    return result;
  } catch (error) {
    harmless(() => {
      for (const span of spans) recordError(span, error); // nothing of it was added
    });
    throw error;
  } finally {
    for (const span of spans) harmless(() => span.end());
  }
}

/**
 * PRODUCER spans of the calls that add jobs: with the names and for the calls for which BullMQ's own telemetry has some. Each
 * method puts those that it begins into `spans`, that of the call first; they end with the call, also when the method throws.
 */
export class Producers {
  readonly #tracer: Tracer;

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  /** `Queue.add(name, data, opts)`. A context that the options have brought from another job gives way to this one. */
  add({ name: queue }: Queue, [name, data, options, ...rest]: unknown[], spans: Span[]): Addition {
    const span = this.#start(spans, `add ${queue}.${name}`, "add", queue);
    const inner = trace.setSpan(context.active(), span);
    const opts = options as JobOptions | undefined;
    return {
      args: [name, data, opts?.telemetry?.omitContext ? opts : carrying(inner, opts), ...rest],
      context: inner,
      describe: (job) => span.setAttributes({ [names.BULLMQ_JOB_NAME]: String(name), ...idOf(job) }),
    };
  }

  /** `Queue.addBulk(jobs)`. */
  addBulk({ name: queue }: Queue, [jobs, ...rest]: unknown[], spans: Span[]): Addition {
    const all = jobs as { opts?: JobOptions }[];
    const span = this.#start(spans, `addBulk ${queue}`, "addBulk", queue);
    span.setAttribute(names.MESSAGING_BATCH_MESSAGE_COUNT, all.length);
    const inner = trace.setSpan(context.active(), span);
    const traced = all.map((job) => withInherited({ ...job, opts: withContext(job.opts, inner) }, job));
    return {
      args: [traced, ...rest],
      context: inner,
      describe: (added) => span.setAttributes(idsOf(added)),
    };
  }

  /** `Queue.upsertJobScheduler(id, repeat, template)`: all of its jobs belong to the trace of this call. */
  addScheduler({ name: queue }: Queue, [id, repeat, template, ...rest]: unknown[], spans: Span[]): Addition {
    const { name = id, opts } = (template ?? {}) as { name?: unknown; opts?: JobOptions };
    const span = this.#start(spans, `add ${queue}.${name}`, "add", queue);
    const inner = trace.setSpan(context.active(), span);
    const traced = withInherited({ ...(template as object), opts: withContext(opts, inner) }, template);
    return {
      args: [id, repeat, traced, ...rest],
      context: inner,
      describe: (job) => span.setAttributes(idOf(job)),
    };
  }

  /** `FlowProducer.add(flow, opts)`: a span for the call, and below it one for each job, nested as they are. */
  addFlow(_: FlowProducer, [flow, ...rest]: unknown[], spans: Span[]): Addition {
    const root = flow as FlowNode;
    this.#start(spans, `addFlow ${root.queueName}`, "addFlow", root.queueName);
    return this.#addNodes(spans, [root], ([traced]) => [traced, ...rest]);
  }

  /** `FlowProducer.addBulk(flows)`. */
  addFlows(_: FlowProducer, [flows, ...rest]: unknown[], spans: Span[]): Addition {
    const roots = flows as FlowNode[];
    const span = this.#start(spans, "addBulkFlows", "addBulkFlows", "");
    span.setAttribute(names.MESSAGING_BATCH_MESSAGE_COUNT, roots.length);
    return this.#addNodes(spans, roots, (traced) => [traced, ...rest]);
  }

  #addNodes(spans: Span[], roots: FlowNode[], toArgs: (traced: FlowNode[]) => unknown[]): Addition {
    const inner = trace.setSpan(context.active(), spans[0]!); // that of the call
    const args = toArgs(roots.map((root) => this.#traceNode(root, inner, spans)));
    return {
      args,
      context: inner,
      describe: (added) => {
        for (const [index, { job }] of inOrder([added].flat() as AddedNode[]).entries()) {
          spans[index + 1]?.setAttributes(idOf(job));
        }
      },
    };
  }

  #traceNode(node: FlowNode, parent: Context, spans: Span[]): FlowNode {
    const span = this.#start(spans, `addNode ${node.queueName}`, "addNode", node.queueName, parent);
    span.setAttribute(names.BULLMQ_JOB_NAME, node.name);
    const inner = trace.setSpan(parent, span);
    const children = node.children?.map((child) => this.#traceNode(child, inner, spans));
    const opts = withContext(node.opts, inner, Boolean(children?.length));
    return withInherited({ ...node, ...(opts ? { opts } : {}), ...(children ? { children } : {}) }, node);
  }

  #start(spans: Span[], name: string, operation: string, queue: string, parent?: Context): Span {
    const span = this.#tracer.startSpan(name, { kind: SpanKind.PRODUCER }, parent);
    spans.push(span);
    return span.setAttributes({
      [names.MESSAGING_SYSTEM]: "bullmq",
      [names.MESSAGING_OPERATION_TYPE]: "send",
      [names.MESSAGING_OPERATION_NAME]: operation,
      [names.MESSAGING_DESTINATION_NAME]: queue,
    });
  }
}

/** The options with the context, unless they bring one or want none. */
function withContext(opts: JobOptions | undefined, inner: Context, hasChildren = false): JobOptions | undefined {
  return opts?.telemetry?.metadata || opts?.telemetry?.omitContext ? opts : carrying(inner, opts, hasChildren);
}

function carrying(inner: Context, opts: JobOptions | undefined, hasChildren = false): JobOptions | undefined {
  const metadata = hasChildren ? markChildren(metadataOf(inner)) : metadataOf(inner);
  return metadata ? withInherited({ ...opts, telemetry: { metadata } }, opts) : opts;
}

/** There is no job when the queue was closing. */
function idOf(job: unknown): Attributes {
  const id = (job as Job | undefined)?.id;
  return id === undefined ? {} : { [names.MESSAGING_MESSAGE_ID]: String(id) };
}

/** Ids that a span names: more would make it as large as its jobs. */
const NAMED = 100;

/** What was added is what is told apart: of jobs that are the same one there is one, and it may have been there before. */
function idsOf(added: unknown): Attributes {
  if (!Array.isArray(added)) return {};
  const ids = new Set<string>();
  for (const { id } of added as Job[]) if (id !== undefined) ids.add(String(id));
  return {
    [names.MESSAGING_BATCH_MESSAGE_COUNT]: ids.size,
    [names.BATCH_MESSAGE_IDS]: [...ids].slice(0, NAMED),
  };
}

/** The nodes of flows, each before its children: the order in which their spans began. */
function inOrder(nodes: (AddedNode | undefined)[]): AddedNode[] {
  return nodes.flatMap((node) => (node ? [node, ...inOrder(node.children ?? [])] : []));
}
