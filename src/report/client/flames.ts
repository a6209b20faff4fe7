import { showMs, showNumber, showShare } from "../../figures.ts";
import type { PageFlame } from "../page/bound_flames.ts";
import { byId, svg } from "./dom.ts";
import { type Frame, layOut, neighbour, origin, search } from "./flame_layout.ts";

const ROW = 21;
/** A frame of this width, in px, has its name on it. */
const LABEL_FROM = 28;
const SMALLEST = 0.6;

/** The flame graph of the chosen job type, with zoom and search, by pointer and by keyboard. */
export function startFlames(flames: PageFlame[]): void {
  const select = byId<HTMLSelectElement | null>("flame-job");
  if (!select || flames.length === 0) return;
  const box = byId("flame");
  const field = byId<HTMLInputElement>("flame-search");
  let root: Frame;
  let zoomed: Frame;
  /** The one frame that the Tab key reaches. */
  let current: Frame;
  let found = new Set<Frame>();
  const frameOf = new WeakMap<Element, Frame>();

  const choose = () => {
    const flame = flames[Number(select.value)]!;
    root = layOut(flame.root);
    zoomed = current = root;
    byId("flame-note").textContent =
      flame.omitted > 0 ? `${showNumber(flame.omitted)} functions are too small to be drawn.` : "";
    find();
  };
  const find = () => {
    const { found: matches, ms } = search(root, field.value.trim());
    found = matches;
    const ratio = showShare(ms / (root.data.totalMs || 1));
    byId("flame-found").textContent =
      field.value.trim() === "" ? "" : `${found.size} found, ${showMs(ms)}, ${ratio} of the CPU time`;
    draw();
  };
  const draw = (focus = false) => {
    const width = box.clientWidth;
    const frames = visibleFrames(zoomed, width);
    if (!frames.some(({ frame }) => frame === current)) current = zoomed;
    const rows = 1 + frames.reduce((deepest, { frame }) => Math.max(deepest, frame.depth), 0);
    const drawn = frames.map((place) => {
      const state = `${found.has(place.frame) ? " found" : ""}${place.frame.depth < zoomed.depth ? " above" : ""}`;
      const group = drawFrame(place, { state, total: root.data.totalMs, reached: place.frame === current });
      frameOf.set(group, place.frame);
      return group;
    });
    const attributes = { width, height: rows * ROW, role: "tree", "aria-label": "Flame graph" };
    box.replaceChildren(svg("svg", { ...attributes, class: found.size > 0 ? "searched" : undefined }, drawn));
    if (focus) drawn.find((group) => frameOf.get(group) === current)?.focus();
    describe(current);
  };
  const describe = ({ data, depth }: Frame) => {
    const native = depth === 0 ? "all functions" : "native";
    const place = data.file === "" ? native : `${data.file}${data.line > 0 ? `:${data.line}` : ""}`;
    const ratio = showShare(data.totalMs / (root.data.totalMs || 1));
    byId("flame-details").textContent =
      `${data.name} · ${place} · ${showMs(data.totalMs)} with callees (${ratio}), ${showMs(data.selfMs)} own`;
  };
  const zoom = (frame: Frame) => {
    zoomed = current = frame;
    draw(true);
  };
  const frameAt = ({ target }: Event) => {
    const group = target instanceof Element ? target.closest(".frame") : null;
    return group ? frameOf.get(group) : undefined;
  };

  select.addEventListener("change", choose);
  field.addEventListener("input", find);
  field.addEventListener("keydown", ({ key }) => {
    const [largest] = [...found].sort((a, b) => b.data.totalMs - a.data.totalMs);
    if (key === "Enter" && largest) zoom(largest);
  });
  byId("flame-reset").addEventListener("click", () => {
    zoomed = current = root;
    draw();
  });
  box.addEventListener("click", (event) => {
    const frame = frameAt(event);
    if (frame) zoom(frame);
  });
  box.addEventListener("pointerover", (event) => describe(frameAt(event) ?? current));
  box.addEventListener("focusin", (event) => describe(frameAt(event) ?? current));
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") zoom(current);
    else if (event.key === "Escape") zoom(root);
    else {
      const next = neighbour(current, event.key);
      if (!next) return;
      current = next;
      // A frame outside of what is zoomed, or too narrow to be seen, is zoomed to.
      if (!visibleFrames(zoomed, box.clientWidth).some(({ frame }) => frame === next)) zoomed = next;
      draw(true);
    }
    event.preventDefault();
  });
  choose();
  let drawnWidth = box.clientWidth;
  new ResizeObserver(() => {
    if (box.clientWidth === drawnWidth) return;
    drawnWidth = box.clientWidth;
    draw();
  }).observe(box);
}

interface Place {
  frame: Frame;
  x: number;
  width: number;
}

/** The ancestors of the zoomed frame over the whole width, and what is below it. */
function visibleFrames(zoomed: Frame, width: number): Place[] {
  const scale = width / (zoomed.x1 - zoomed.x0 || 1);
  const above = zoomed.ancestors().slice(1).reverse();
  const places = above.map((frame) => ({ frame, x: 0, width }));
  const waiting = [zoomed];
  for (let frame = waiting.pop(); frame; frame = waiting.pop()) {
    const place = { frame, x: (frame.x0 - zoomed.x0) * scale, width: (frame.x1 - frame.x0) * scale };
    if (place.width < SMALLEST) continue;
    places.push(place);
    waiting.push(...(frame.children ?? []).toReversed());
  }
  return places;
}

function drawFrame(
  { frame, x, width }: Place,
  { state, total, reached }: { state: string; total: number; reached: boolean },
): SVGElement {
  const { data, depth, children } = frame;
  const box = { x, y: depth * ROW, width: Math.max(width, 1), height: ROW };
  // An SVG of its own cuts the name where the frame ends.
  return svg(
    "svg",
    {
      ...box,
      class: `frame code-${origin(data)}${state}`,
      tabindex: reached ? 0 : -1,
      role: "treeitem",
      "aria-level": depth + 1,
      "aria-expanded": children ? "true" : undefined,
      "aria-label": `${data.name}, ${showMs(data.totalMs)}, ${showShare(data.totalMs / (total || 1))}`,
    },
    [
      svg("rect", { x: 0.5, y: 0.5, width: Math.max(width - 1, 0.4), height: ROW - 1, rx: width > 6 ? 2 : 0 }),
      ...(width >= LABEL_FROM
        ? [svg("text", { class: "frame-name", x: 5, y: 14.5, "aria-hidden": "true" }, [data.name])]
        : []),
    ],
  );
}
