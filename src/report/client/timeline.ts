import uPlot from "uplot";
import { showMs, showQuantity } from "../../figures.ts";
import type { PageChart } from "../page/bound_timeline.ts";
import type { PageData } from "../page/page_data.ts";
import { byId, element } from "./dom.ts";
import { lanesPlot } from "./lanes.ts";
import { colour, onTheme } from "./theme.ts";

type Series = PageChart["series"][number];

/** Left of the plot, the same for all charts, so that one time is one place. */
const AXIS = 84;
const HEIGHT = 150;
/** Steps of an axis of bytes. */
const powersOfTwo = Array.from({ length: 50 }, (_, power) => 2 ** power);

/** What all charts of the page share. */
export function commonOptions(width: number, height: number): uPlot.Options {
  const grid = { stroke: colour("--line"), width: 1 };
  const axis = { stroke: colour("--quiet"), font: "12px system-ui, sans-serif", grid, ticks: { show: false } };
  return {
    width,
    height,
    padding: [8, 16, 0, 0],
    scales: { x: { time: false, range: (_, from, to) => [from, to] } },
    legend: { markers: { width: 0, fill: (_, index) => colour(`--series-${index}`) } },
    cursor: { y: false, sync: { key: "time", setSeries: false }, drag: { x: true, y: false } },
    axes: [
      { ...axis, size: 34, values: (_, at) => at.map((ms) => showMs(ms)) },
      { ...axis, size: AXIS },
    ],
    series: [{ label: "time", value: (_, ms) => (ms == null ? "–" : showMs(ms)) }],
  };
}

/** Draws the charts and the lanes below each other on one time axis; drawn again when the theme or the width changes. */
export function startTimeline({ durationMs, charts, lanes }: PageData["timeline"], showTrace: (index: number) => void) {
  const box = document.getElementById("timeline-charts");
  if (!box) return;
  const whole = { min: 0, max: Math.max(durationMs, 1) };
  let range = whole;
  let plots: uPlot[] = [];

  const follow = (plot: uPlot, scale: string) => {
    const { min, max } = plot.scales.x!;
    if (scale !== "x" || min == null || max == null || (min === range.min && max === range.max)) return;
    setRange({ min, max });
  };
  const setRange = (next: typeof whole) => {
    const length = Math.min(next.max - next.min, whole.max);
    const min = Math.max(0, Math.min(next.min, whole.max - length));
    range = { min, max: min + length };
    byId("time-range").textContent = `${showMs(range.min)} to ${showMs(range.max)}`;
    for (const plot of plots) plot.setScale("x", range);
  };
  const build = () => {
    for (const plot of plots) plot.destroy();
    plots = [];
    box.replaceChildren();
    const options = () => commonOptions(box.clientWidth, HEIGHT);
    const built = charts.map((chart) => drawChart(chart, { options: options(), box }));
    if (lanes.rows.length > 0) built.push(lanesPlot(lanes, { options: options(), box, showTrace }));
    plots = built;
    setRange(range);
    for (const plot of plots) {
      plot.hooks.setScale = [follow];
      // uPlot would show from the first to the last point.
      plot.over.addEventListener("dblclick", () => setRange(whole));
    }
  };
  const moves: Record<string, () => typeof whole> = {
    in: () => around(0.5),
    out: () => around(2),
    left: () => shifted(-0.25),
    right: () => shifted(0.25),
    all: () => whole,
  };
  const around = (factor: number) => {
    const half = ((range.max - range.min) * factor) / 2;
    const middle = (range.min + range.max) / 2;
    return { min: middle - half, max: middle + half };
  };
  const shifted = (part: number) => {
    const by = (range.max - range.min) * part;
    return { min: range.min + by, max: range.max + by };
  };
  for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-time]")) {
    button.addEventListener("click", () => setRange(moves[button.dataset.time!]!()));
  }
  onTheme(build);
  let width = box.clientWidth;
  new ResizeObserver(() => {
    if (box.clientWidth === width) return;
    width = box.clientWidth;
    for (const plot of plots) plot.setSize({ width, height: plot.height });
  }).observe(box);
}

function drawChart({ unit, series }: PageChart, { options, box }: { options: uPlot.Options; box: HTMLElement }): uPlot {
  const figure = element("figure", { class: "chart" });
  box.append(figure);
  const values = series.flatMap((each) => each.values).map((value) => value ?? 0);
  const most = values.reduce((highest, value) => Math.max(highest, value), 0);
  const least = values.reduce((lowest, value) => Math.min(lowest, value), 0);
  // A limit far above would press the curve flat onto the axis; the legend names it.
  const near = series.map(({ limit }) =>
    limit !== undefined && (limit <= most * 6 || most === 0) ? limit : undefined,
  );
  const top = near.reduce<number>((highest, limit) => Math.max(highest, limit ?? 0), most) * 1.08 || 1;
  const colours = series.map((_, index) => colour(`--series-${index + 1}`));
  const label = ({ name, limit }: Series, index: number) =>
    limit === undefined
      ? name
      : `${name}, limit ${showQuantity(limit, unit)}${near[index] === undefined ? " (above the chart)" : ""}`;
  const plot = new uPlot(
    {
      ...options,
      scales: { ...options.scales, y: { range: () => [least, top] } },
      axes: [
        options.axes![0]!,
        {
          ...options.axes![1]!,
          ...(unit === "By" ? { incrs: powersOfTwo } : {}),
          values: (_, at) => at.map((value) => showQuantity(value, unit)),
        },
      ],
      series: [
        ...options.series,
        ...series.map((each, index) => ({
          label: label(each, index),
          stroke: colours[index]!,
          width: 1.75,
          points: { show: false },
          value: (_: uPlot, value: number | null) => (value == null ? "–" : showQuantity(value, unit)),
        })),
      ],
      hooks: { drawAxes: [(self) => drawLimits(self, { limits: near, colours })] },
    },
    uPlot.join(series.map(({ t, values }) => [t, values])),
    figure,
  );
  const names = series.map(({ name }) => name).join(", ");
  plot.root.querySelector("canvas")?.setAttribute("role", "img");
  plot.root.querySelector("canvas")?.setAttribute("aria-label", `${names} over time; the table below has the figures`);
  return plot;
}

/** A dashed line in the colour of the series whose limit it is. */
function drawLimits(
  { ctx, bbox, valToPos }: uPlot,
  { limits, colours }: { limits: (number | undefined)[]; colours: string[] },
): void {
  ctx.save();
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
  for (const [index, limit] of limits.entries()) {
    if (limit === undefined) continue;
    const y = valToPos(limit, "y", true);
    ctx.strokeStyle = colours[index]!;
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  ctx.restore();
}
