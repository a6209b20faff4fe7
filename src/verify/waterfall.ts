import { type Span, SpanKind, StatusCode } from "../otlp/types.ts";
import type { Paint } from "../terminal/terminal.ts";
import { shown } from "../terminal/visible_text.ts";

export interface WaterfallOptions {
  /** Characters in a line. */
  columns: number;
  paint: Paint;
}

interface Row {
  span: Span;
  /** The branch that leads to it. */
  branch: string;
}

/** Draws a trace: offset, tree, bar, duration, service; a line each, children below their parent in the order of their start. */
export function drawWaterfall(spans: Span[], { columns, paint }: WaterfallOptions): string {
  if (spans.length === 0) return "";
  const rows = inTreeOrder(spans);
  const startNs = spans.reduce((least, span) => (span.startNs < least ? span.startNs : least), spans[0]!.startNs);
  const endNs = spans.reduce((most, span) => (span.endNs > most ? span.endNs : most), spans[0]!.endNs);
  const totalMs = toMs(endNs - startNs);

  const labels = rows.map(({ span, branch }) => `${branch}${shown(span.name, 200)}`);
  const services = rows.map(({ span }) => `${shown(span.service, 100)} ${kindName(span)}`);
  const labelWidth = Math.min(Math.max(...labels.map((label) => label.length)), 44);
  const serviceWidth = Math.max(...services.map((service) => service.length));
  const barWidth = Math.max(10, Math.min(40, columns - labelWidth - serviceWidth - 30));

  const lines = rows.map(({ span }, index) => {
    const offsetMs = toMs(span.startNs - startNs);
    const durationMs = toMs(span.endNs - span.startNs);
    const bar = drawBar({ offsetMs, durationMs, totalMs, width: barWidth });
    const failed = span.status.code === StatusCode.ERROR;
    return [
      paint("dim", `${offsetMs.toFixed(1).padStart(9)} ms`),
      fit(labels[index]!, labelWidth),
      paint(failed ? "red" : "cyan", bar),
      `${durationMs.toFixed(1).padStart(9)} ms`,
      `${paint("dim", services[index]!)}${failed ? paint("red", "  ERROR") : ""}`,
    ].join("  ");
  });
  return lines.join("\n");
}

function inTreeOrder(spans: Span[]): Row[] {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const children = new Map<string, Span[]>();
  for (const span of spans) {
    // A span whose parent is not there is drawn as a root; the checks say that it is an orphan.
    const parent = ids.has(span.parentSpanId) ? span.parentSpanId : "";
    children.set(parent, [...(children.get(parent) ?? []), span]);
  }
  const rows: Row[] = [];
  const visit = (parent: string, indent: string) => {
    const siblings = (children.get(parent) ?? []).sort((a, b) => Number(a.startNs - b.startNs));
    siblings.forEach((span, index) => {
      const last = index === siblings.length - 1;
      rows.push({ span, branch: parent ? `${indent}${last ? "└─ " : "├─ "}` : "" });
      visit(span.spanId, parent ? `${indent}${last ? "   " : "│  "}` : indent);
    });
  };
  visit("", "");
  return rows;
}

function drawBar({
  offsetMs,
  durationMs,
  totalMs,
  width,
}: Record<"offsetMs" | "durationMs" | "totalMs" | "width", number>) {
  const scale = totalMs > 0 ? width / totalMs : 0;
  const from = Math.min(width - 1, Math.floor(offsetMs * scale));
  const length = Math.max(1, Math.min(width - from, Math.round(durationMs * scale)));
  return `${" ".repeat(from)}${"█".repeat(length)}`.padEnd(width);
}

function kindName({ kind }: Span): string {
  return Object.entries(SpanKind).find(([, value]) => value === kind)?.[0] ?? `kind ${kind}`;
}

const fit = (text: string, width: number) =>
  text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width);
const toMs = (ns: bigint) => Number(ns) / 1e6;
