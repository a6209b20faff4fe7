import { type Context, context, type Span, SpanKind, type Tracer, trace } from "@opentelemetry/api";
import * as names from "../names.ts";
import type { Attributes } from "../stages.ts";
import type { AddedNode, FlowNode, FlowProducer, Job, JobOptions, Queue } from "./bullmq_types.ts";
import { recordError } from "./errors.ts";
import { harmless } from "./harmless.ts";
import { withInherited } from "./inherited.ts";
import { metadataOf } from "./job_context.ts";

/** A call that adds jobs, before it is made. */
export interface Addition {
  /** What to call it with: the jobs carry the context in their options. */
  args: unknown[];
  /** The context to call it in. */
  context: Context;
  /** They end with it; the first is that of the call itself. */
  spans: Span[];
  /** Is told what it returned. */
  describe?(result: unknown): void;
}

/** Makes the call, returns what it returns, and ends the spans. */
export async function makeAddition(addition: Addition, call: () => unknown): Promise<unknown> {
  try {
    const result = await context.with(addition.context, call);
    harmless(() => addition.describe?.(result));
    return result;
  } catch (error) {
    recordError(addition.spans[0]!, error);
    throw error;
  } finally {
    for (const span of addition.spans) span.end();
  }
}

/** PRODUCER spans of the calls that add jobs: with the names and for the calls for which BullMQ's own telemetry has some. */
export class Producers {
  readonly #tracer: Tracer;

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  /** `Queue.add(name, data, opts)`. A context that the options have brought from another job gives way to this one. */
  add({ name: queue }: Queue, [name, data, options, ...rest]: unknown[]): Addition {
    const span = this.#start(`add ${queue}.${name}`, "add", queue);
    const inner = trace.setSpan(context.active(), span);
    const opts = options as JobOptions | undefined;
    return {
      args: [name, data, opts?.telemetry?.omitContext ? opts : carrying(inner, opts), ...rest],
      context: inner,
      spans: [span],
      describe: (job) => span.setAttributes({ [names.BULLMQ_JOB_NAME]: String(name), ...idOf(job) }),
    };
  }

  /** `Queue.addBulk(jobs)`. */
  addBulk({ name: queue }: Queue, [jobs, ...rest]: unknown[]): Addition {
    const all = jobs as { opts?: JobOptions }[];
    const span = this.#start(`addBulk ${queue}`, "addBulk", queue);
    span.setAttribute(names.MESSAGING_BATCH_MESSAGE_COUNT, all.length);
    const inner = trace.setSpan(context.active(), span);
    const traced = all.map((job) => withInherited({ ...job, opts: withContext(job.opts, inner) }, job));
    return { args: [traced, ...rest], context: inner, spans: [span] };
  }

  /** `Queue.upsertJobScheduler(id, repeat, template)`: all of its jobs belong to the trace of this call. */
  addScheduler({ name: queue }: Queue, [id, repeat, template, ...rest]: unknown[]): Addition {
    const { name = id, opts } = (template ?? {}) as { name?: unknown; opts?: JobOptions };
    const span = this.#start(`add ${queue}.${name}`, "add", queue);
    const inner = trace.setSpan(context.active(), span);
    const traced = withInherited({ ...(template as object), opts: withContext(opts, inner) }, template);
    return {
      args: [id, repeat, traced, ...rest],
      context: inner,
      spans: [span],
      describe: (job) => span.setAttributes(idOf(job)),
    };
  }

  /** `FlowProducer.add(flow, opts)`: a span for the call, and below it one for each job, nested as they are. */
  addFlow(_: FlowProducer, [flow, ...rest]: unknown[]): Addition {
    const root = flow as FlowNode;
    const span = this.#start(`addFlow ${root.queueName}`, "addFlow", root.queueName);
    return this.#addNodes(span, [root], ([traced]) => [traced, ...rest]);
  }

  /** `FlowProducer.addBulk(flows)`. */
  addFlows(_: FlowProducer, [flows, ...rest]: unknown[]): Addition {
    const roots = flows as FlowNode[];
    const span = this.#start("addBulkFlows", "addBulkFlows", "");
    span.setAttribute(names.MESSAGING_BATCH_MESSAGE_COUNT, roots.length);
    return this.#addNodes(span, roots, (traced) => [traced, ...rest]);
  }

  #addNodes(span: Span, roots: FlowNode[], toArgs: (traced: FlowNode[]) => unknown[]): Addition {
    const spans = [span];
    const inner = trace.setSpan(context.active(), span);
    const args = toArgs(roots.map((root) => this.#traceNode(root, inner, spans)));
    return {
      args,
      context: inner,
      spans,
      describe: (added) => {
        for (const [index, { job }] of inOrder([added].flat() as AddedNode[]).entries()) {
          spans[index + 1]?.setAttributes(idOf(job));
        }
      },
    };
  }

  #traceNode(node: FlowNode, parent: Context, spans: Span[]): FlowNode {
    const span = this.#start(`addNode ${node.queueName}`, "addNode", node.queueName, parent);
    span.setAttribute(names.BULLMQ_JOB_NAME, node.name);
    spans.push(span);
    const inner = trace.setSpan(parent, span);
    const children = node.children?.map((child) => this.#traceNode(child, inner, spans));
    const opts = withContext(node.opts, inner);
    return withInherited({ ...node, ...(opts ? { opts } : {}), ...(children ? { children } : {}) }, node);
  }

  #start(name: string, operation: string, queue: string, parent?: Context): Span {
    return this.#tracer.startSpan(name, { kind: SpanKind.PRODUCER }, parent).setAttributes({
      [names.MESSAGING_SYSTEM]: "bullmq",
      [names.MESSAGING_OPERATION_TYPE]: "send",
      [names.MESSAGING_OPERATION_NAME]: operation,
      [names.MESSAGING_DESTINATION_NAME]: queue,
    });
  }
}

/** The options with the context, unless they bring one or want none. */
function withContext(opts: JobOptions | undefined, inner: Context): JobOptions | undefined {
  return opts?.telemetry?.metadata || opts?.telemetry?.omitContext ? opts : carrying(inner, opts);
}

function carrying(inner: Context, opts: JobOptions | undefined): JobOptions | undefined {
  const metadata = metadataOf(inner);
  return metadata ? withInherited({ ...opts, telemetry: { metadata } }, opts) : opts;
}

/** There is no job when the queue was closing. */
function idOf(job: unknown): Attributes {
  const id = (job as Job | undefined)?.id;
  return id === undefined ? {} : { [names.MESSAGING_MESSAGE_ID]: String(id) };
}

/** The nodes of flows, each before its children: the order in which their spans began. */
function inOrder(nodes: (AddedNode | undefined)[]): AddedNode[] {
  return nodes.flatMap((node) => (node ? [node, ...inOrder(node.children ?? [])] : []));
}
