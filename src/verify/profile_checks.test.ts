import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { type Span, SpanKind } from "../otlp/types.ts";
import { readSettings } from "../settings/settings.ts";
import { wantedOf } from "../stack/wanted.ts";
import type { Check } from "./checks.ts";
import { checkProfiles } from "./profile_checks.ts";
import { serverWitness } from "./profile_witness.ts";

/** The trace of a job that took so long. */
function trace(tookMs = 400): Span[] {
  const span = (spanId: string, service: string, kind: SpanKind): Span => ({
    ...{ traceId: "1".repeat(32), spanId, parentSpanId: "", name: spanId, kind, service, scope: "", resource: {} },
    ...{ startNs: 0n, endNs: BigInt(tookMs * 1e6), events: [], links: [], status: { code: 0, message: "" } },
    attributes: kind === SpanKind.CONSUMER ? { "bullmq.job.name": "review" } : {},
  });
  return [
    span("a".repeat(16), "prodlike-api", SpanKind.SERVER),
    span("b".repeat(16), "prodlike-worker", SpanKind.CONSUMER),
    span("c".repeat(16), "prodlike-worker", SpanKind.INTERNAL),
  ];
}

/** Answers in the shape of the server's API (querier/v1/querier.proto as JSON, in which zero values are absent). */
const SERIES = { series: [{ labels: [], points: [{ value: 123, timestamp: "1700000000000" }] }] };
const FLAMEGRAPH = { flamegraph: { names: ["total"], levels: [{ values: ["0"] }], total: "340000000", maxSelf: "1" } };

interface Case {
  answers?: Record<string, object>;
  spans?: Span[];
  /** Environment of the worker. */
  worker?: Record<string, string>;
  /** What the worker has printed. */
  output?: string;
}

/** The checks against a server that answers queries like this, by method, and what it was asked. */
async function checked({ answers = {}, spans = trace(), worker = {}, output = "" }: Case) {
  const asked = new Set<string>();
  const server = createServer(async (request, response) => {
    const method = request.url?.replace("/querier.v1.QuerierService/", "") ?? "";
    let body = "";
    for await (const chunk of request) body += chunk;
    const { labelSelector, profileTypeID, spanSelector = "", start, end } = JSON.parse(body);
    if (start === 1_000 && end > start) asked.add(`${method} ${labelSelector} ${profileTypeID} ${spanSelector}`.trim());
    response.writeHead(answers[method] ? 200 : 501).end(JSON.stringify(answers[method] ?? { code: "unimplemented" }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number }; // a TCP server's address is always an object
  const environment = { PROFILING: "on", PYROSCOPE_FLUSH_INTERVAL_MS: "1" };
  const { signal } = new AbortController();
  try {
    const checks = await checkProfiles(wantedOf(readSettings({})), {
      spans,
      signal,
      witness: serverWitness(`http://127.0.0.1:${port}`, 1_000, signal),
      gatherClues: async () => [
        { part: "api", environment, collectorUrl: "", output: "" },
        { part: "worker", environment: { ...environment, ...worker }, collectorUrl: "", output },
      ],
    });
    return { checks, asked: [...asked] };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const failed = (checks: Check[]) => checks.filter(({ ok }) => !ok).map(({ name, detail }) => `${name} ${detail}`);
const allThere = { SelectSeries: SERIES, SelectMergeSpanProfile: FLAMEGRAPH };

test("a server that has the profiles proves them, and is asked for the spans of the worker", async () => {
  const { checks, asked } = await checked({ answers: allThere });
  assert.deepEqual(
    checks.map(({ name, ok, detail }) => [name, ok, detail]),
    [
      ["profiles of prodlike-api", true, "inuse_space arrived"],
      ["profiles of prodlike-worker", true, "inuse_space arrived"],
      ["profile of the job", true, '340 ms of CPU time in samples of the job "review"'],
    ],
  );
  assert.deepEqual(asked, [
    'SelectSeries {service_name="prodlike-api"} memory:inuse_space:bytes:inuse_space:bytes',
    'SelectSeries {service_name="prodlike-worker"} memory:inuse_space:bytes:inuse_space:bytes',
    `SelectMergeSpanProfile {service_name="prodlike-worker"} wall:cpu:nanoseconds:wall:nanoseconds ${"b".repeat(16)},${"c".repeat(16)}`,
  ]);
});

test("what is missing is said, with the reason that is known", async () => {
  const none = { SelectSeries: {}, SelectMergeSpanProfile: {} };
  const refused = 'telemetry warning: a profile of prodlike-worker was refused: the server answered 422: "x"';
  const cases: [Case, RegExp[]][] = [
    [
      { answers: { ...allThere, SelectMergeSpanProfile: {} } },
      [/^profile of the job expected samples .*, there are none$/],
    ],
    [
      { answers: { ...allThere, SelectMergeSpanProfile: {} }, spans: trace(12) },
      [/there are none: it took 12.0 ms, one sample is taken every 10 ms: a longer job is wanted$/],
    ],
    [{ answers: allThere, spans: [] }, [/^profile of the job expected samples of the job, it has left no span$/]],
    [
      { answers: none, worker: { PROFILING: "off" } },
      [
        /prodlike-api .*none arrived$/,
        /prodlike-worker .*none arrived: the worker runs with PROFILING=off$/,
        /there are none$/,
      ],
    ],
    [
      { answers: none, output: `x\n${refused}\ny` },
      [/prodlike-api .*none arrived$/, /none arrived: the worker says "telemetry warning: a profile of .*422/, /none$/],
    ],
    [
      {},
      [
        /SelectSeries answered 501: .*unimplemented/,
        /SelectSeries answered 501/,
        /SelectMergeSpanProfile answered 501/,
      ],
    ],
  ];
  const results = await Promise.all(cases.map(([each]) => checked(each)));
  for (const [index, [, expected]] of cases.entries()) {
    const found = failed(results[index]!.checks);
    assert.equal(found.length, expected.length, found.join("\n"));
    for (const [at, pattern] of expected.entries()) assert.match(found[at]!, pattern);
  }
});
