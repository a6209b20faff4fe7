import { showMs, showNumber, showShare } from "../../figures.ts";
import type { PageTrace } from "../page/bound_traces.ts";
import { largestParts } from "../parts.ts";
import { byId, element, svg } from "./dom.ts";

type Span = PageTrace["spans"][number];

/** Draws the chosen trace; returns what shows another one, by its place in `traces`, and moves the focus there. */
export function startTraces(traces: PageTrace[]): (index: number) => void {
  const select = byId<HTMLSelectElement | null>("trace");
  if (!select || traces.length === 0) return () => {};
  const draw = (marked?: string) => drawTrace(traces[Number(select.value)]!, marked);
  select.addEventListener("change", () => draw());
  draw();

  const show = (index: number, marked?: string) => {
    select.value = String(index);
    draw(marked);
    byId("traces").scrollIntoView({ block: "start" });
    select.focus({ preventScroll: true });
  };
  for (const link of document.querySelectorAll<HTMLAnchorElement>("a[data-span]")) {
    const marked = link.dataset.span!;
    const index = traces.findIndex(({ spans }) => spans.some(({ spanId }) => spanId === marked));
    if (index < 0) {
      // Its trace is not among those of the page: the link would lead nowhere.
      link.replaceWith(...link.childNodes);
      continue;
    }
    link.addEventListener("click", (event) => {
      event.preventDefault();
      show(index, marked);
    });
  }
  return show;
}

function drawTrace({ spans, spanId, totalMs, job, why, parts, omitted }: PageTrace, marked?: string): void {
  const endMs = spans.reduce((end, span) => Math.max(end, span.startMs + span.durationMs), totalMs);
  const depths = depthsOf(spans);
  const rows = spans.map((span) => {
    const depth = Math.min(depths.get(span.spanId) ?? 0, 12);
    const classes = [
      span.spanId === spanId ? "job-span" : "",
      span.spanId === marked ? "marked" : "",
      span.failed ? "failed" : "",
    ];
    return element("tr", { class: classes.join(" ").trim() || undefined }, [
      element("th", { scope: "row" }, [
        element("span", { class: `depth depth-${depth}` }, [element("bdi", {}, [span.name])]),
        ...(span.failed ? [element("span", { class: "bad" }, [" failed"])] : []),
      ]),
      element("td", { class: "quiet service" }, [element("bdi", {}, [span.service])]),
      element("td", { class: "bar" }, [bar(span, endMs)]),
      element("td", {}, [showMs(span.startMs)]),
      element("td", {}, [showMs(span.durationMs)]),
      element("td", {}, [span.cpuMs === undefined ? "–" : showMs(span.cpuMs)]),
    ]);
  });
  const ledger = largestParts(parts, 8)
    .map((each) => `${each.part} ${showShare(each.share)}`)
    .join(", ");
  const heads = ["Span", "Service", `0 to ${showMs(endMs)}`, "start", "took", "own CPU"];
  byId("waterfall").replaceChildren(
    element("table", { class: "figures waterfall" }, [
      element("caption", {}, [`${why}: ${job}, ${showMs(totalMs)}${ledger ? `: ${ledger}` : ""}`]),
      element("thead", {}, [
        element(
          "tr",
          {},
          heads.map((head) => element("th", { scope: "col" }, [head])),
        ),
      ]),
      element("tbody", {}, rows),
    ]),
  );
  byId("trace-note").textContent =
    `The dark part of a bar is CPU time of the span's own.${omitted > 0 ? ` ${showNumber(omitted)} shorter spans of this trace are in report.json.` : ""}`;
  document.querySelector(".marked")?.scrollIntoView({ block: "nearest" });
}

function bar({ startMs, durationMs, cpuMs }: Span, endMs: number): SVGElement {
  const percent = (ms: number) => `${((ms / (endMs || 1)) * 100).toFixed(3)}%`;
  const cpu = Math.min(cpuMs ?? 0, durationMs);
  return svg("svg", { width: "100%", height: 14, "aria-hidden": "true" }, [
    svg("rect", { class: "track", x: 0, y: 7, width: "100%", height: 1 }),
    svg("rect", { class: "span", x: percent(startMs), y: 1, width: percent(durationMs), height: 12, rx: 2 }),
    // How much of it was CPU time, not when: drawn from the beginning of the span.
    ...(cpu > 0 ? [svg("rect", { class: "span-cpu", x: percent(startMs), y: 9, width: percent(cpu), height: 4 })] : []),
  ]);
}

/** A parent stands before its children. */
function depthsOf(spans: Span[]): Map<string, number> {
  const depths = new Map<string, number>();
  for (const { spanId, parentSpanId } of spans) depths.set(spanId, (depths.get(parentSpanId) ?? -1) + 1);
  return depths;
}
