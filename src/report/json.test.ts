import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { cutOffReport, emptyReport, largeReport } from "../../test/example_report.ts";
import { testRun, testSamples } from "../../test/example_run.ts";
import { hostileReport } from "../../test/hostile_report.ts";
import { analyze } from "../analysis/analyze.ts";
import type { Report } from "../analysis/report.ts";
import { ROOT } from "../settings/environment.ts";
import { renderJson } from "./json.ts";

const schema = JSON.parse(readFileSync(join(ROOT, "docs", "report.schema.json"), "utf8"));
const validate = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true }).compile(schema);
const problems = (report: unknown) =>
  validate(report) ? [] : validate.errors!.map(({ instancePath, message }) => `${instancePath} ${message}`);

test("renderJson() writes what docs/report.schema.json describes", () => {
  for (const report of [largeReport(), emptyReport(), cutOffReport(), hostileReport()]) {
    assert.deepEqual(problems(JSON.parse(renderJson(report))), []);
  }
});

test("docs/report.schema.json describes what the analysis makes", async () => {
  const percentiles = { samples: 60, mean: 1, p50: 1, p95: 2, p99: 2, max: 2 };
  const report = await analyze(
    testRun({
      jobs: [
        { name: "work", count: 60, everyMs: 100, parts: { wait: 900, cpu: 90, gc: 5, blocked: 300 }, offCpuMs: 9 },
      ],
      busy: 1,
      samples: testSamples("work", [[30, "run", "parse"]]),
      load: {
        ...{ kind: "open", description: "60 jobs", sent: 60, completed: 60, failed: 0, unfinished: 0 },
        ...{ ratePerSecond: 10, throughputPerSecond: 10, seenLate: 1, withoutJob: 2 },
        ...{ total: percentiles, request: percentiles, lateness: percentiles },
      },
    }),
  );
  assert.ok(report.findings.length > 0 && report.laws?.length && report.jobs[0]?.cpuTime && report.jobs[0].store);
  assert.deepEqual(problems(JSON.parse(renderJson(report))), []);
});

test("renderJson() keeps every text as it was recorded, on one line", () => {
  const report = hostileReport();
  const text = renderJson(report);
  assert.equal(text.trimEnd().includes("\n"), false);
  assert.deepEqual(JSON.parse(text), report);
});

test("docs/report.schema.json refuses what is no report", () => {
  const broken: [string, (report: Report) => unknown][] = [
    ["run", ({ run: _, ...rest }) => rest],
    ["additional", (report) => ({ ...report, surprise: 1 })],
    ["/verdict", (report) => ({ ...report, verdict: "" })],
    ["/tax", (report) => ({ ...report, tax: {} })],
    [
      "/timeline/series/0/values/0",
      (report) => ({
        ...report,
        timeline: { ...report.timeline, series: [{ name: "a", unit: "1", t: [0], values: ["0"] }] },
      }),
    ],
    [
      "/jobs/0/bars/0",
      (report) => ({ ...report, jobs: [{ ...report.jobs[0]!, bars: [{ label: "p42", samples: 1, parts: {} }] }] }),
    ],
    [
      "/findings/0/gain",
      (report) => ({ ...report, findings: [{ ...report.findings[0]!, gain: { predicted: true } }] }),
    ],
    [
      "/flames/0/root/children/0",
      (report) => ({ ...report, flames: [{ job: "a", root: { ...report.flames![0]!.root, children: [{}] } }] }),
    ],
  ];
  for (const [where, spoil] of broken) {
    assert.ok(
      problems(spoil(largeReport())).some((problem) => problem.includes(where)),
      where,
    );
  }
});
