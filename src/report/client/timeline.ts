import uPlot from "uplot";
import { duration, quantity } from "../figures.ts";
import type { PageChart } from "../page/bound_timeline.ts";
import type { PageData } from "../page/page_data.ts";
import { byId, element } from "./dom.ts";
import { lanesPlot } from "./lanes.ts";
import { colour, onTheme } from "./theme.ts";

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
    legend: { markers: { width: 0, fill: (plot, index) => plot.series[index]!.stroke as unknown as string } },
    cursor: { sync: { key: "time", setSeries: false }, drag: { x: true, y: false } },
    axes: [
      { ...axis, values: (_, at) => at.map((ms) => duration(ms)) },
      { ...axis, size: AXIS },
    ],
    series: [{ label: "time", value: (_, ms) => (ms == null ? "–" : duration(ms)) }],
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
    byId("time-range").textContent = `${duration(range.min)} to ${duration(range.max)}`;
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
  const limits = series.flatMap(({ name, limit }) => (limit === undefined ? [] : [{ name, limit }]));
  const most = Math.max(...series.flatMap(({ values }) => values.map((value) => value ?? 0)));
  // A limit far above would press the curve flat onto the axis; it is named instead.
  const near = limits.filter(({ limit }) => limit <= most * 6 || most === 0);
  const far = limits.filter((each) => !near.includes(each));
  const top = Math.max(most, ...near.map(({ limit }) => limit)) * 1.08 || 1;
  const plot = new uPlot(
    {
      ...options,
      scales: { ...options.scales, y: { range: () => [Math.min(0, ...series.flatMap(lowest)), top] } },
      axes: [
        options.axes![0]!,
        {
          ...options.axes![1]!,
          ...(unit === "By" ? { incrs: powersOfTwo } : {}),
          values: (_, at) => at.map((value) => quantity(value, unit)),
        },
      ],
      series: [
        ...options.series,
        ...series.map(({ name }, index) => ({
          label: name,
          stroke: colour(`--series-${index + 1}`),
          width: 1.75,
          points: { show: false },
          value: (_: uPlot, value: number | null) => (value == null ? "–" : quantity(value, unit)),
        })),
      ],
      hooks: { draw: [(self) => drawLimits(self, near)] },
    },
    uPlot.join(series.map(({ t, values }) => [t, values])),
    figure,
  );
  const names = series.map(({ name }) => name).join(", ");
  plot.root.querySelector("canvas")?.setAttribute("role", "img");
  plot.root.querySelector("canvas")?.setAttribute("aria-label", `${names} over time; the table below has the figures`);
  for (const { name, limit } of far) {
    figure.append(
      element("p", { class: "note" }, [`The limit of ${name}, ${quantity(limit, unit)}, is far above this chart.`]),
    );
  }
  return plot;
}

function drawLimits({ ctx, bbox, valToPos }: uPlot, limits: { name: string; limit: number }[]): void {
  ctx.save();
  const background = colour("--card");
  ctx.strokeStyle = colour("--bad");
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.textAlign = "left";
  for (const { name, limit } of limits) {
    const y = valToPos(limit, "y", true);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    const label = `limit of ${name}`;
    ctx.fillStyle = background; // else the curve runs through the text
    ctx.fillRect(
      bbox.left + 2 * devicePixelRatio,
      y + 3 * devicePixelRatio,
      ctx.measureText(label).width + 8 * devicePixelRatio,
      14 * devicePixelRatio,
    );
    ctx.fillStyle = ctx.strokeStyle;
    ctx.fillText(label, bbox.left + 6 * devicePixelRatio, y + 14 * devicePixelRatio);
  }
  ctx.restore();
}

const lowest = ({ values }: PageChart["series"][number]) => values.map((value) => value ?? 0);
