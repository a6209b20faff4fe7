import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { execa } from "execa";
import { GROUPS, oneCase, type ParityCase } from "../../test/parity_cases.ts";
import { oneSpan, send, withCollector } from "../../test/started_collector.ts";
import { ROOT } from "../settings/environment.ts";
import { freePort } from "../stack/ports.ts";
import { waitFor } from "../wait_for.ts";

const IMAGE = "otel/opentelemetry-collector:0.161.0";

/** What a collector does with a request. */
interface Outcome {
  status: number;
  type: string | undefined;
  /** The body; of a `google.rpc.Status`, whose message is for people, the code. */
  answer: unknown;
  /** The line of the `file` exporter, parsed. */
  stored: unknown;
  /** The text of the `debug` exporter. */
  logged: string;
}

const docker = (...args: string[]) => execa("docker", args, { reject: false, timeout: 30_000 });

async function whySkip(): Promise<string | false> {
  const skipped = "SKIPPED: parity with the real collector:";
  if ((await docker("version")).failed) return `${skipped} no Docker engine`;
  if ((await docker("image", "inspect", IMAGE)).failed) return `${skipped} no image; docker pull ${IMAGE}`;
  return false;
}

const skip = await whySkip();

const name = "the embedded collector does as the real one, but for the deliberate differences";
test(skip || name, { skip: Boolean(skip) }, async () => {
  const cases = Object.values(GROUPS).flat();
  const real = await outcomesOfReal(cases);
  const wrong: string[] = [];
  for (const [index, each] of cases.entries()) {
    const outcomes = { real: real[index]!, ours: await outcomeOfOurs(each) };
    const { name, differs } = each;
    const isRight = differs
      ? does(outcomes.real, differs[1]) && does(outcomes.ours, differs[2])
      : isDeepStrictEqual(outcomes.real, outcomes.ours);
    if (!isRight) wrong.push(JSON.stringify({ name, differs, ...outcomes }));
  }
  assert.equal(wrong.length, 0, `${wrong.length} of ${cases.length}, such as\n${wrong.slice(0, 20).join("\n")}`);
});

test("docs/collector.md names the deliberate differences, and counts the cases", () => {
  const named = Object.values(GROUPS).flatMap((cases) => cases.flatMap(({ differs }) => differs?.[0] ?? []));
  const documented = documentedRows("Deliberate differences").map(([row]) => row!);
  assert.deepEqual(documented.sort(), [...new Set(named)].sort());
  const counts = Object.entries(GROUPS).map(([group, cases]) => {
    const different = cases.filter(({ differs }) => differs).length;
    return [group, String(cases.length - different), String(different)];
  });
  assert.deepEqual(documentedRows("Parity"), counts);
});

/** The cells of a section's table. */
function documentedRows(section: string): string[][] {
  const docs = readFileSync(join(ROOT, "docs/collector.md"), "utf8");
  const text = docs.split(`## ${section}\n`)[1]!.split("\n## ")[0]!;
  const [, ...rows] = text.split("\n").filter((line) => line.startsWith("| "));
  return rows.map((line) => line.slice(2, -2).split(" | "));
}

/** Whether a collector did what is declared. Who refuses stores and logs nothing. */
function does({ status, stored, logged }: Outcome, declared: number | string): boolean {
  if (typeof declared === "string") return logged.includes(declared);
  return status === declared && (status === 200 || (stored === "" && logged === ""));
}

async function outcomeOfOurs(each: ParityCase): Promise<Outcome> {
  const outcomes: Outcome[] = [];
  await withCollector(async ({ url, text }) => {
    const answer = await ask(url, each);
    const stored = text("traces.jsonl") + text("metrics.jsonl");
    outcomes.push({ ...answer, stored: stored && JSON.parse(stored), logged: plainBounds(text("collector.log")) });
  });
  return outcomes[0]!;
}

/** Behind each case goes a span of this name: so the real collector's file and log can be read once, at its end. */
const END = "end of a case";

async function outcomesOfReal(cases: ParityCase[]): Promise<Outcome[]> {
  const folder = mkdtempSync(join(tmpdir(), "parity-"));
  const port = await freePort();
  const name = `prodlike-parity-${port}`;
  const pipeline = { receivers: ["otlp"], exporters: ["file", "debug"] };
  const config = {
    receivers: { otlp: { protocols: { http: { endpoint: "0.0.0.0:4318" } } } },
    exporters: { file: { path: "/parity/stored.jsonl" }, debug: { verbosity: "normal", use_internal_logger: false } },
    service: { telemetry: { metrics: { level: "none" } }, pipelines: { traces: pipeline, metrics: pipeline } },
  };
  writeFileSync(join(folder, "config.yaml"), JSON.stringify(config));
  const user = `${process.getuid!()}:${process.getgid!()}`; // so that its file is ours
  const options = ["--publish", `127.0.0.1:${port}:4318`, "--volume", `${folder}:/parity`, "--user", user];
  const args = ["run", "--rm", "--name", name, ...options, IMAGE, "--config", "/parity/config.yaml"];
  const container = execa("docker", args, { reject: false, stripFinalNewline: false });
  try {
    const url = `http://127.0.0.1:${port}`;
    const end = oneCase(END, { body: oneSpan(END) });
    const died = new AbortController();
    container.then(({ stderr }) => died.abort(new Error(stderr)));
    const isReady = async () => (await ask(url, end)).status === 200 || undefined;
    await waitFor(isReady, "the real collector", { timeoutMs: 30_000, signal: died.signal });
    const answers = [];
    for (const each of cases) {
      answers.push(await ask(url, each));
      assert.equal((await ask(url, end)).status, 200, each.name);
    }
    await docker("stop", name);
    const { stdout } = await container;
    const lines = readFileSync(join(folder, "stored.jsonl"), "utf8").split(new RegExp(`^.*"${END}".*\n`, "m"));
    const logs = stdout.split(new RegExp(`^Traces.*\n.*\n.*\n${END}.*\n\n`, "m"));
    assert.deepEqual([lines.length, logs.length], [cases.length + 2, cases.length + 2]);
    return answers.map((answer, index) => {
      const stored = lines[index + 1]!;
      return { ...answer, stored: stored && JSON.parse(stored), logged: plainBounds(logs[index + 1]!) };
    });
  } finally {
    await docker("rm", "--force", name);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function ask(url: string, { method, path, headers, body }: ParityCase) {
  const response = await send(url, { method, path, headers }, body);
  const status = response.statusCode!;
  const type = response.headers["content-type"];
  return { status, type, answer: status === 200 ? response.body : answerOf(type, response.body) };
}

function answerOf(type: string | undefined, body: string): unknown {
  if (type === "application/x-protobuf") return body.charCodeAt(1); // Field 1, a varint.
  if (type !== "application/json") return body;
  const { code, message } = JSON.parse(body);
  return { code, message: typeof message };
}

/** Bounds of exponential buckets to 14 digits: Go's `exp` and V8's differ in the last. */
function plainBounds(log: string): string {
  return log.replace(/(?<= le)-?[\d.e+-]+(?==)/g, (bound) => String(Number(Number(bound).toPrecision(14))));
}
