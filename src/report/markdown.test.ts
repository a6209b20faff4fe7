import assert from "node:assert/strict";
import { test } from "node:test";
import { marked, type Tokens } from "marked";
import { cutOffReport, emptyReport, largeReport } from "../../test/example_report.ts";
import { hostileReport, hostileTexts } from "../../test/hostile_report.ts";
import type { Report } from "../analysis/report.ts";
import { renderMarkdown } from "./markdown.ts";
import { code, prose } from "./markdown_text.ts";

/** Every token of a text, nested ones too, as GitHub's Markdown has them. */
function tokensOf(text: string) {
  const found: Tokens.Generic[] = [];
  marked.walkTokens(marked.lexer(text, { gfm: true }), (token) => void found.push(token));
  return found;
}

test("renderMarkdown() says verdict, findings with action and gain, where the time goes, what was not measured", () => {
  const text = renderMarkdown(largeReport());
  assert.match(text, /^## Jobs of review spend 29 % of their run blocked/);
  assert.match(text, /\*\*Do:\*\* Run the linting in a worker thread/);
  assert.match(text, /Would bring: p95 29 % lower/);
  assert.match(text, /Would bring: cannot be predicted \(more CPUs also change/);
  assert.match(text, /\| `review` \| 352 \| 3 \| 459 ms \| 734 ms \| 834 ms \| cpu 34 %, blocked 29 %, idle 16 % \|/);
  assert.match(text, /- CPU time of child processes: they run no ledger/);
  assert.match(renderMarkdown(emptyReport()), /^## Nothing can be said: no job ended/);
  assert.match(renderMarkdown(cutOffReport()), /> \*\*The run is not whole:\*\* ended by Ctrl-C/);
});

test("renderMarkdown() has less than 8,000 characters, and counts what it leaves out", () => {
  const large = largeReport();
  const many: Report = {
    ...hostileReport(),
    findings: Array.from({ length: 60 }, () => large.findings[0]!),
    jobs: Array.from({ length: 200 }, () => large.jobs[0]!),
  };
  for (const report of [large, many, hostileReport(), emptyReport()]) {
    const text = renderMarkdown(report);
    assert.ok(text.length < 8000, String(text.length));
  }
  assert.match(renderMarkdown(many), /_2\d\d more entries are in report\.html\._\n$/);
  assert.doesNotMatch(renderMarkdown(large), /more entries/);
});

test("renderMarkdown() makes no HTML, link, image, mention or extra table cell of what was recorded", () => {
  const plain = tokensOf(renderMarkdown(largeReport()));
  const tokens = tokensOf(renderMarkdown(hostileReport()));
  for (const kind of ["html", "link", "image", "code", "hr", "def"]) {
    assert.deepEqual(
      tokens.filter(({ type }) => type === kind).map(({ raw }) => raw),
      [],
      kind,
    );
  }
  const tables = (all: Tokens.Generic[]) =>
    all.filter(({ type }) => type === "table").map((token) => [token.header.length, token.rows.length]);
  assert.deepEqual(tables(tokens), tables(plain));
  assert.equal(
    tokens.filter(({ type }) => type === "heading").length,
    plain.filter(({ type }) => type === "heading").length,
  );
  // What GitHub would act upon outside of code: mentions, issues, bare addresses.
  const texts = tokens
    .filter(({ type, tokens: nested }) => type === "text" && !nested)
    .map(({ raw }) => raw.replaceAll("\\", ""));
  assert.ok(
    texts.some((text) => text.includes("@\u200b")),
    "the mentions are among the texts",
  );
  for (const text of texts) assert.doesNotMatch(text, /@[a-z0-9]|#\d|GH-\d|:\/\/|www\.[a-z]/i);
});

test("prose() and code() show each hostile text as it is, in a line or a table", () => {
  for (const text of hostileTexts) {
    const [cell] = tokensOf(`| a | b |\n| --- | --- |\n| ${prose(text, 200)} | ${code(text, 200)} |\n`).filter(
      ({ type }) => type === "table",
    );
    assert.equal(cell!.rows[0]!.length, 2, text.slice(0, 60));
    assert.equal(
      tokensOf(`- ${prose(text, 200)}`).filter(({ type }) => ["list", "heading", "blockquote"].includes(type)).length,
      1,
    );
  }
  assert.equal(code("a`b|c", 9), "`aˋb¦c`");
  assert.equal(code("", 9), "(empty)");
  assert.equal(prose("1. x", 9), "1\\. x");
  assert.equal(prose("1.5 s", 9), "1.5 s");
});
