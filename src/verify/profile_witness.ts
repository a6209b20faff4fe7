import type { Span } from "../otlp/types.ts";
import { profilesIn } from "../sources/profile_files.ts";
import { readProfile } from "../sources/read_profile.ts";

/** Where profiles of a window can be looked for. What it answers grows while they arrive; it throws when it cannot be asked. */
export interface ProfileWitness {
  /** What has arrived of a service, as pprof or the server calls it: `cpu`, `wall`, `inuse_space` among others. */
  kindsOf(service: string): Promise<string[]>;
  /** CPU time of the samples that carry one of these spans, in ms. */
  cpuMsOf(service: string, spans: Span[]): Promise<number>;
}

/** The files of the embedded receiver, whose samples carry trace ids too. */
export function fileWitness(folder: string, sinceMs: number): ProfileWitness {
  const files = (service: string) =>
    profilesIn(folder, { fromMs: sinceMs, untilMs: Date.now() }).filter((file) => file.service === service);
  return {
    async kindsOf(service) {
      const samples = files(service).flatMap(({ path }) => readProfile(path));
      return [...new Set(samples.flatMap(({ values }) => Object.keys(values)))];
    },
    async cpuMsOf(service, spans) {
      const wanted = new Set(spans.map(({ traceId, spanId }) => `${traceId} ${spanId}`));
      const samples = files(service).flatMap(({ path }) => readProfile(path));
      const own = samples.filter(({ labels }) => labels.job && wanted.has(`${labels.trace_id} ${labels.span_id}`));
      return own.reduce((sum, { values }) => sum + (values.cpu ?? 0), 0) / 1e6;
    },
  };
}

/** `name:sample type:unit:period type:period unit`, as a server calls what Node sends. */
const CPU = "wall:cpu:nanoseconds:wall:nanoseconds";
/** Of the heap, so each flush has one, whatever the process did. */
const HEAP = "memory:inuse_space:bytes:inuse_space:bytes";

/** A Pyroscope server, asked through its query API: the Connect service `querier.v1.QuerierService`. */
export function serverWitness(url: string, sinceMs: number, signal: AbortSignal): ProfileWitness {
  async function ask<T>(method: string, service: string, query: object): Promise<T> {
    const selection = { labelSelector: `{service_name="${service}"}`, start: sinceMs, end: Date.now() };
    const response = await fetch(`${url}/querier.v1.QuerierService/${method}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...query, ...selection }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(5_000)]),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} answered ${response.status}: ${text.slice(0, 200)}`);
    return JSON.parse(text) as T; // fields without a value are absent
  }
  return {
    async kindsOf(service) {
      const query = { profileTypeID: HEAP, groupBy: ["service_name"], step: 15 };
      const { series = [] } = await ask<{ series?: { points?: object[] }[] }>("SelectSeries", service, query);
      return series.some(({ points = [] }) => points.length > 0) ? ["inuse_space"] : [];
    },
    async cpuMsOf(service, spans) {
      const query = { profileTypeID: CPU, spanSelector: spans.map(({ spanId }) => spanId) };
      const answer = await ask<{ flamegraph?: { total?: string } }>("SelectMergeSpanProfile", service, query);
      return Number(answer.flamegraph?.total ?? 0) / 1e6;
    },
  };
}
