import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { cutOffReport, emptyReport, largeReport } from "../../test/example_report.ts";
import { hostileReport } from "../../test/hostile_report.ts";
import type { FlameNode, Report } from "../analysis/report.ts";
import { renderHtml } from "./html.ts";
import { type PageData, pageData } from "./page/page_data.ts";

const MOST_BYTES = 2_000_000;

/** Far more of everything than a page holds, each text long, different, and of characters that take six bytes in it. */
function immenseReport(): Report {
  const report = largeReport();
  let next = 0;
  const text = () => `${next++}${"<\u202e".repeat(400)}`;
  const [trace] = report.traces;
  const node = (depth: number): FlameNode => ({
    name: text(),
    file: text(),
    line: 1,
    totalMs: 1000 / 2 ** depth,
    selfMs: 0,
    children: depth < 11 ? [node(depth + 1), node(depth + 1)] : [],
  });
  const span = () => ({ ...trace!.spans[0]!, spanId: text(), parentSpanId: "", name: text(), service: text() });
  const series = {
    ...report.timeline.series[0]!,
    t: Array.from({ length: 5000 }, (_, at) => at),
    values: Array(5000).fill(0.123456789),
  };
  return {
    ...report,
    findings: Array.from({ length: 100 }, () => ({
      ...report.findings[0]!,
      title: text(),
      detail: text(),
      action: text(),
    })),
    jobs: Array.from({ length: 300 }, () => ({
      ...report.jobs[0]!,
      name: text(),
      spans: Array.from({ length: 100 }, () => ({ ...report.jobs[0]!.spans[0]!, name: text() })),
    })),
    traces: Array.from({ length: 60 }, () => ({ ...trace!, job: text(), spans: Array.from({ length: 200 }, span) })),
    timeline: {
      durationMs: 60_000,
      series: Array.from({ length: 90 }, () => ({ ...series, name: text(), unit: text() })),
      lanes: Array.from({ length: 20_000 }, (_, index) => ({
        ...report.timeline.lanes[0]!,
        job: text(),
        lane: index % 100,
      })),
      omitted: 7,
    },
    flames: Array.from({ length: 4 }, () => ({ job: text(), root: node(0) })),
    notMeasured: Array.from({ length: 500 }, () => ({ what: text(), reason: text() })),
  };
}

function dataOf(page: string): PageData {
  const [, json] = page.match(/<script type="application\/json" id="data">(.*?)<\/script>/s)!;
  return JSON.parse(json!) as PageData;
}

test("renderHtml() says verdict, findings with action and gain, and then the rest, in this order", () => {
  const page = renderHtml(largeReport());
  const order = [...page.matchAll(/<section id="([\w-]+)"/g)].map(([, id]) => id);
  assert.deepEqual(order, [
    "verdict",
    "findings",
    "jobs",
    "timeline",
    "traces",
    "flames",
    "limits",
    "method",
    "not-measured",
    "tax",
  ]);
  assert.match(page, /<h1 id="verdict-title"><bdi>Jobs of review spend 29 % of their run blocked/);
  assert.match(page, /Run the linting in a worker thread/);
  assert.match(page, /p95 29 % lower/);
});

test("renderHtml() draws all of a run of 1,000 jobs, in less than 2 MB", () => {
  const page = renderHtml(largeReport());
  assert.ok(Buffer.byteLength(page) < MOST_BYTES);
  const { timeline, traces, flames } = dataOf(page);
  assert.equal(timeline.lanes.rows.length, 1000);
  assert.equal(timeline.charts.flatMap(({ series }) => series).length, 7);
  assert.equal(traces.length, 7);
  assert.equal(flames.length, 3);
  // What was not measured then is a gap.
  assert.equal(timeline.charts[0]!.series[0]!.values[17], null);
});

test("renderHtml() stays below 2 MB whatever is in the report, and says what it leaves out", () => {
  const page = renderHtml(immenseReport());
  assert.ok(Buffer.byteLength(page) < MOST_BYTES, String(Buffer.byteLength(page)));
  assert.match(page, /more findings in report\.json/);
  assert.match(page, /more job types in report\.json/);
  assert.match(page, /more jobs are not drawn/);
  assert.match(page, /more traces in report\.json/);
  assert.ok(dataOf(page).flames.every(({ omitted }) => omitted > 1000));
});

test("renderHtml() lets the browser run its own script and styles by hash, and nothing else", () => {
  const page = renderHtml(hostileReport());
  const [, policy] = page.match(/http-equiv="Content-Security-Policy" content="([^"]*)"/)!;
  const hash = (text: string) => createHash("sha256").update(text).digest("base64");
  const [, styles] = page.match(/<style>(.*?)<\/style>/s)!;
  const [, script] = page.match(/<script>(.*?)<\/script>/s)!;
  assert.equal(
    policy!.replaceAll("&#39;", "'"),
    `default-src 'none'; script-src 'sha256-${hash(script!)}'; style-src 'sha256-${hash(styles!)}'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'`,
  );
  // No text of the run became markup: the page has as many elements of each kind as with harmless texts.
  const elements = (html: string, tag: string) => html.split(`<${tag}`).length;
  for (const tag of ["script", "img", "iframe", "style", 'a href="http', "details"]) {
    assert.ok(elements(page, tag) <= elements(renderHtml(largeReport()), tag), tag);
  }
  assert.doesNotMatch(page.replace(script!, ""), /(?!\u200c|\u200d|\n)[\p{Cc}\p{Cf}\p{Cs}]/u);
  assert.doesNotMatch(page, /\sstyle="|\son\w+="/);
});

test("renderHtml() of a run without jobs, metrics and profiles says what is missing", () => {
  const page = renderHtml(emptyReport());
  for (const said of [
    "No job was recorded",
    "No rule could be decided",
    "No metrics and no jobs were recorded",
    "the run has no profiles",
    "ran without limits",
    "Observing cost: not measured",
  ]) {
    assert.ok(page.includes(said), said);
  }
  assert.doesNotMatch(page, /NaN|Infinity|undefined/);
});

test("renderHtml() of a run that was cut off says so, and calls absent parts not measured", () => {
  const page = renderHtml(cutOffReport());
  assert.match(page, /The run is not whole:<\/strong> ended by Ctrl-C/);
  assert.match(page, /<th scope="row">cpu<\/th><td>not measured<\/td>/);
});

test("pageData() keeps peaks, the longest spans with their parents, and parents before children", () => {
  const report = largeReport();
  const [trace] = report.traces;
  const t = Array.from({ length: 5000 }, (_, index) => index);
  const values = t.map((at) => (at === 2718 ? 99 : 1));
  const deep = Array.from({ length: 900 }, (_, index) => ({
    ...trace!.spans[0]!,
    spanId: `s${index}`,
    parentSpanId: index === 0 ? "" : `s${Math.floor((index - 1) / 2)}`,
    startMs: index,
    durationMs: 900 - index,
  }));
  const data = pageData(
    {
      ...report,
      timeline: { durationMs: 5000, series: [{ name: "a", unit: "ms", t, values }], lanes: [], omitted: 0 },
      traces: [{ ...trace!, spanId: "s0", spans: deep.toReversed() }],
    },
    1,
  );
  const [series] = data.timeline.charts[0]!.series;
  assert.ok(series!.t.length <= 601);
  assert.equal(series!.t[series!.values.indexOf(99)], 2718);
  const { spans, omitted } = data.traces[0]!;
  assert.equal(spans.length + omitted, 900);
  assert.equal(spans.length, 300);
  const seen = new Set([""]);
  for (const { spanId, parentSpanId } of spans) {
    assert.ok(seen.has(parentSpanId), `${parentSpanId} before ${spanId}`);
    seen.add(spanId);
  }
});
