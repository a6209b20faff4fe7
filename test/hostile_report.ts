import type { Report } from "../src/analysis/report.ts";
import { largeReport } from "./example_report.ts";

/** Texts as an attacker, or a broken encoder, puts them into names of spans, jobs, functions and log lines. */
export const hostileTexts = [
  "<script>window.injected = 1</script>",
  "</script><script>window.injected = 2</script>",
  "<!--<script>",
  "--><img src=x onerror='window.injected = 3'>",
  '"><svg onload="window.injected = 4">',
  "'-window.injected-'&lt;b&gt;",
  "\x1b[31mred\x1b[0m \x1b]8;;https://evil.example\x07link\x1b]8;;\x07 \x9b2J",
  "abc\u202egnp.exe \u2066isolated \u200f\u061c",
  "nul \0 byte, bell \x07, delete \x7f, return\r, line\nbreak, tab\t",
  "lone \ud800 surrogate \udfff, byte order \ufeff, zero\u200bwidth, soft\u00adhyphen, \u2028 and \u2029",
  "| a | b |\n|---|---|\n| ``` | [x](javascript:alert(1)) ![i](http://evil.example/x.png) |",
  "@everyone @octocat #1 GH-1 owner/repo#2 https://evil.example www.evil.example a@b.example `@team` \\`@team\\` ``@a`` $x$",
  "# heading\n\n- list\n\n> quote\n\n---\n\n<details>",
  `1 MB: ${"x<".repeat(2 ** 19)}`,
  "🧑‍💻 שלום مرحبا 漢字",
  "constructor",
  "__proto__",
];

/** A report in which every text is hostile; the first finding's parts have one text each, by `index`. */
export function hostileReport(): Report {
  let next = 0;
  const poison = (value: unknown, key = ""): unknown => {
    if (typeof value === "string") {
      const fixed =
        (["kind", "what", "label", "unit", "outcome"].includes(key) && value.length < 12) || /Id$/.test(key);
      return fixed ? value : `${hostileTexts[next++ % hostileTexts.length]} ${value}`;
    }
    if (Array.isArray(value)) return value.map((each) => poison(each));
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, poison(each, name)]));
    }
    return value;
  };
  const { jobs, traces, flames, timeline, findings, ...rest } = largeReport();
  // One text of 1 MB in 17 is enough: some hundred of them, not ten thousand.
  const small = {
    ...rest,
    jobs,
    // An id that no tracer makes is a text too.
    findings: findings.map((finding) => ({
      ...finding,
      evidence: [...finding.evidence, { kind: "span", traceId: "", spanId: hostileTexts.join(""), name: "", ms: 1 }],
    })),
    traces: traces.slice(0, 3),
    timeline: { ...timeline, lanes: timeline.lanes.slice(0, 60) },
    flames: [
      {
        ...flames![0]!,
        root: {
          ...flames![0]!.root,
          children: flames![0]!.root.children.slice(0, 1).map((child) => ({ ...child, children: [] })),
        },
      },
    ],
  };
  return poison(small) as Report;
}
