import { heap, type SourceMapper, time } from "@datadog/pprof";
import { type Context, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { jobNameOf, OWNER } from "../ledger/owner.ts";
import type { ProfileSettings } from "../settings.ts";
import { createFileNames } from "./own_code.ts";
import type { Profiler } from "./profiles.ts";
import { SourceLines } from "./source_lines.ts";

/** One sample for so many allocated bytes, and so many frames of its stack: what Pyroscope's SDK takes. */
const HEAP = { intervalBytes: 512 * 1024, stackDepth: 64 };
/** The most for which the profiler keeps samples without a flush, in ms. */
const KEPT_MS = 60_000;
const SAMPLE_COUNT: number = time.constants.kSampleCount;
/** V8's names for what is in use, and those by which Pyroscope knows it. */
const HEAP_NAMES: Record<string, string> = { objects: "inuse_objects", space: "inuse_space" };

/**
 * Profiles CPU time and heap of this thread. Each sample of CPU time carries the job, and the active span, of the work
 * that the thread did at that moment: the profiler knows one context, which follows the owner of the thread.
 */
export function startNodeProfiler({ samplingIntervalUs, traceIds, flushIntervalMs }: ProfileSettings): Profiler {
  // Its type has a private field, of which the profiler knows nothing.
  const sourceMapper = new SourceLines() as unknown as SourceMapper;
  time.start({
    intervalMicros: samplingIntervalUs,
    durationMillis: Math.max(KEPT_MS, flushIntervalMs),
    withContexts: true,
    collectCpuTime: true,
    sourceMapper,
  });
  heap.start(HEAP.intervalBytes, HEAP.stackDepth);

  // What `setContext` was given last, and how many samples there were then. As long as there are no more, another owner takes
  // the place of that one: a worker changes its owner a thousand times as often as it is looked at.
  let current: { owner: Context } = { owner: ROOT_CONTEXT };
  let samples = -1;
  const state: ArrayLike<number> = time.getState(); // once: each call goes to native code
  const follow = (owner: Context) => {
    const taken = state[SAMPLE_COUNT]!;
    if (taken === samples) {
      current.owner = owner;
      return;
    }
    samples = taken;
    current = { owner };
    time.setContext(current);
  };

  const labelsOf = (owner: Context): Record<string, string> => {
    const span = trace.getSpanContext(owner);
    const job = jobNameOf(owner);
    if (!span) return {};
    return { ...(job ? { job } : {}), span_id: span.spanId, ...(traceIds ? { trace_id: span.traceId } : {}) };
  };
  const generateLabels: Parameters<typeof time.stop>[1] = ({ context }) => {
    const { owner } = (context?.context ?? {}) as Partial<typeof current>; // the profiler's own first one has none
    return owner ? labelsOf(owner) : {};
  };

  const nameFile = createFileNames();
  return {
    collect(isLast) {
      const cpu = time.stop(true, generateLabels);
      samples = -1;
      // Not at once: the version 5.14.4 has forgotten the source maps by the time it needs them for the last profile.
      if (isLast) time.stop();
      const memory = heap.profile(undefined, sourceMapper);
      for (const type of memory.sampleType) {
        const name = HEAP_NAMES[memory.stringTable.strings[Number(type.type)] ?? ""];
        if (name) type.type = memory.stringTable.dedup(name);
      }
      if (isLast) heap.stop();
      for (const { function: functions, stringTable } of [cpu, memory]) {
        for (const each of functions) {
          each.filename = stringTable.dedup(nameFile(stringTable.strings[Number(each.filename)] ?? ""));
        }
      }
      return [cpu, memory];
    },
    onActivity(listener) {
      OWNER.subscribe((owner) => {
        if (!time.isStarted()) return;
        follow(owner as Context); // what is published there
        if (owner !== ROOT_CONTEXT) listener();
      });
    },
  };
}
