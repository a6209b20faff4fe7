import uPlot from "uplot";
import { showMs } from "../../figures.ts";
import type { PageLanes } from "../page/page_data.ts";
import { element } from "./dom.ts";
import { colour } from "./theme.ts";

interface LanesOptions {
  options: uPlot.Options;
  box: HTMLElement;
  showTrace: (index: number) => void;
}

/** Job types have these many colours; more share the last. */
const COLOURS = 5;

/** Jobs as bars on lanes, on the time axis of the charts; a click on one that has a trace shows it. */
export function lanesPlot({ count, jobs, rows }: PageLanes, { options, box, showTrace }: LanesOptions): uPlot {
  const figure = element("figure", { class: "chart lanes" });
  const hint = element("p", { class: "note hint" }, [
    "Jobs on lanes. Those with an outline have a trace: click to see it.",
  ]);
  box.append(figure);
  const colours = jobs.map((_, index) => colour(`--series-${Math.min(index + 1, COLOURS)}`));
  const [failed, ink] = [colour("--bad"), colour("--ink")];
  const at = (plot: uPlot) => {
    const { left = -1, top = -1 } = plot.cursor;
    if (left < 0) return undefined;
    const lane = Math.floor(plot.posToVal(top, "y"));
    const slack = plot.posToVal(left + 2, "x") - plot.posToVal(left, "x");
    const ms = plot.posToVal(left, "x");
    return rows.find((row) => row[0] === lane && row[2] - slack <= ms && ms <= row[3] + slack);
  };
  const plot = new uPlot(
    {
      ...options,
      height: Math.max(90, count * Math.max(7, Math.min(18, 220 / Math.max(count, 1))) + 46),
      legend: { show: false },
      scales: { ...options.scales, y: { range: () => [count, 0] } },
      axes: [
        options.axes![0]!,
        {
          ...options.axes![1]!,
          grid: { show: false },
          values: (_, ticks) => ticks.map((tick) => (tick === 0 ? "jobs" : "")),
        },
      ],
      series: [...options.series, { show: false }],
      cursor: { ...options.cursor, points: { show: false } },
      hooks: {
        draw: [(self) => drawRows(self, { rows, colours, failed, ink })],
        setCursor: [
          (self) => {
            const row = at(self);
            if (!row) return;
            hint.textContent = `${jobs[row[1]]}: ${showMs(row[3] - row[2])} from ${showMs(row[2])}${row[4] ? ", failed" : ""}${row[5] >= 0 ? ". Click to see its trace." : ""}`;
          },
        ],
      },
    },
    [
      [0, 1],
      [null, null],
    ],
    figure,
  );
  plot.over.addEventListener("click", () => {
    const row = at(plot);
    if (row && row[5] >= 0) showTrace(row[5]);
  });
  plot.root.querySelector("canvas")?.setAttribute("role", "img");
  plot.root
    .querySelector("canvas")
    ?.setAttribute("aria-label", `${rows.length} jobs on ${count} lanes; single jobs are under Traces`);
  const legend = jobs.map((job, index) =>
    element("li", {}, [element("span", { class: `swatch series-${Math.min(index + 1, COLOURS)}` }), job]),
  );
  if (rows.some((row) => row[4]))
    legend.push(element("li", {}, [element("span", { class: "swatch series-failed" }), "failed"]));
  figure.append(element("ul", { class: "legend inline" }, legend), hint);
  return plot;
}

interface RowColours {
  rows: PageLanes["rows"];
  colours: string[];
  failed: string;
  ink: string;
}

function drawRows({ ctx, bbox, valToPos }: uPlot, { rows, colours, failed, ink }: RowColours): void {
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.strokeStyle = ink;
  ctx.lineWidth = devicePixelRatio;
  for (const [lane, job, from, to, isFailed, trace] of rows) {
    const x = valToPos(from, "x", true);
    const right = valToPos(to, "x", true);
    if (right < bbox.left || x > bbox.left + bbox.width) continue;
    const y = valToPos(lane, "y", true);
    const height = Math.max(1, valToPos(lane + 1, "y", true) - y - 2 * devicePixelRatio);
    // A gap of half a pixel keeps one job apart from the next.
    const width = Math.max(1, right - x - devicePixelRatio / 2);
    ctx.fillStyle = isFailed ? failed : colours[job]!;
    ctx.fillRect(x, y, width, height);
    if (trace >= 0) ctx.strokeRect(x, y, width, height);
  }
  ctx.restore();
}
