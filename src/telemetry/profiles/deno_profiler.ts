import { type Profiler as CpuProfiler, Session } from "node:inspector/promises";
import { Function as Code, Line, Location, Profile, Sample, StringTable, ValueType } from "pprof-format";
import type { ProfileSettings } from "../settings.ts";
import { createFileNames } from "./own_code.ts";
import type { Profiler } from "./profiles.ts";

/**
 * Profiles the time in which this thread was not idle, by V8's own profiler: on Deno no other can be loaded. Not measured
 * there: the time of the CPU, the heap, and for which job or span a sample was.
 */
export async function startDenoProfiler({ samplingIntervalUs }: ProfileSettings): Promise<Profiler> {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.setSamplingInterval", { interval: samplingIntervalUs });
  await session.post("Profiler.start");
  return {
    async collect(isLast) {
      const stopped = session.post("Profiler.stop");
      // Not after the answer, which waits for its turn: work in between would be in neither profile.
      if (!isLast) await session.post("Profiler.start");
      const { profile } = await stopped;
      if (isLast) session.disconnect();
      return [toPprof(profile)];
    },
  };
}

/** V8's own entries for a thread that runs no JavaScript. */
const NOT_CODE = new Set(["(root)", "(idle)", "(program)"]);

const nameFile = createFileNames();

/** The profile as pprof: number of samples and wall time, which the thread had something to do in. */
export function toPprof({ nodes, samples = [], timeDeltas = [], startTime, endTime }: CpuProfiler.Profile): Profile {
  const strings = new StringTable();
  const value = (type: string, unit: string) => new ValueType({ type: strings.dedup(type), unit: strings.dedup(unit) });
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const hasCode = new Set(nodes.filter(({ callFrame }) => !NOT_CODE.has(callFrame.functionName)).map(({ id }) => id));
  const seen = new Map<number, { count: number; ns: number }>();
  for (const [index, id] of samples.entries()) {
    if (!hasCode.has(id)) continue;
    const { count, ns } = seen.get(id) ?? { count: 0, ns: 0 };
    seen.set(id, { count: count + 1, ns: ns + Math.max(0, timeDeltas[index] ?? 0) * 1_000 });
  }
  const stackOf = (leaf: number) => {
    const stack: number[] = [];
    for (let id: number | undefined = leaf; id !== undefined && hasCode.has(id); id = parents.get(id)) stack.push(id);
    return stack;
  };
  return new Profile({
    sampleType: [value("sample", "count"), value("wall", "nanoseconds")],
    periodType: value("wall", "nanoseconds"),
    sample: [...seen].map(([id, { count, ns }]) => new Sample({ locationId: stackOf(id), value: [count, ns] })),
    location: nodes.map(({ id, callFrame }) => {
      return new Location({ id, line: [new Line({ functionId: id, line: callFrame.lineNumber + 1 })] });
    }),
    function: nodes.map(({ id, callFrame: { functionName, url } }) => {
      const name = strings.dedup(functionName || "(anonymous)");
      return new Code({ id, name, systemName: name, filename: strings.dedup(nameFile(url.replace(/^file:\/\//, ""))) });
    }),
    stringTable: strings,
    timeNanos: Date.now() * 1e6,
    durationNanos: (endTime - startTime) * 1e3,
  });
}
