import { type Context, INVALID_SPANID, INVALID_TRACEID, propagation, trace } from "@opentelemetry/api";
import type { Job } from "./bullmq_types.ts";
import { LINKED_ROOT } from "./linked_context.ts";

/** A context as text, in the form of BullMQ's own adapter, so either side may be observed by that one; "" when it has none. */
export function metadataOf(context: Context): string {
  const carrier: Record<string, string> = {};
  propagation.inject(context, carrier);
  return Object.keys(carrier).length ? JSON.stringify(carrier) : "";
}

/** What a job brings of a context; "" when it brings none. */
export function metadataIn({ opts }: Job): string {
  const metadata: unknown = opts?.telemetry?.metadata ?? opts?.tm;
  return typeof metadata === "string" ? metadata : "";
}

/** The end of the text of a job that was added with children: the store does not tell that it waited for them. */
const CHILDREN = ',"prodlike":"children"}';

/** The text with that mark, which adapters do not look at. */
export function markChildren(metadata: string): string {
  return metadata && metadata.slice(0, -1) + CHILDREN;
}

export function waitsForChildren(metadata: string): boolean {
  return metadata.endsWith(CHILDREN);
}

/** What adapters write when there is a trace parent and nothing else. */
const PARENT_ALONE = /^\{"traceparent":"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"\}$/;

/** The context that a job brings. The usual one is read without a parser and three objects: most of what that costs. */
export function contextOf(metadata: string): Context {
  if (!PARENT_ALONE.test(metadata) || !readsTraceParent()) {
    return propagation.extract(LINKED_ROOT, parseCarrier(metadata));
  }
  const traceId = metadata.slice(19, 51);
  const spanId = metadata.slice(52, 68);
  if (traceId === INVALID_TRACEID || spanId === INVALID_SPANID) return LINKED_ROOT;
  const parent = { traceId, spanId, traceFlags: Number.parseInt(metadata.slice(69, 71), 16), isRemote: true };
  return trace.setSpanContext(LINKED_ROOT, parent);
}

let fields: string[] | undefined;

/** It makes a new list at each call. */
function readsTraceParent(): boolean {
  if (!fields?.length) fields = propagation.fields(); // none as long as there is no propagator
  return fields.includes("traceparent");
}

function parseCarrier(metadata: string): object {
  try {
    const carrier: unknown = JSON.parse(metadata);
    return typeof carrier === "object" && carrier !== null ? carrier : {};
  } catch {
    return {}; // Somebody else's adapter wrote it: the job begins a trace.
  }
}
