import { PARTS, type Part, type Parts } from "../analysis/report.ts";

/** How a part of a job's time is called, drawn in text (as in docs/ledger.md), and explained in one line. */
export const partText: Record<Part, { glyph: string; meaning: string }> = {
  wait: { glyph: "-", meaning: "in the queue, until a worker took it" },
  cpu: { glyph: "#", meaning: "its own JavaScript ran" },
  gc: { glyph: "G", meaning: "pauses for garbage while its JavaScript ran" },
  throttled: { glyph: "/", meaning: "off the CPU, as the quota was used up (an estimate)" },
  blocked: { glyph: "=", meaning: "could have gone on, but the thread ran something else" },
  overlapped: { glyph: "~", meaning: "waited, while the thread ran something else: nothing is lost by that" },
  idle: { glyph: ".", meaning: "waited, and the thread had nothing to do: I/O, timers, children" },
  unexplained: { glyph: "?", meaning: "the rest; may be negative" },
};

/** The parts that have a length, in the order in which they are drawn, and the sum that their shares are of. */
export function drawnParts(parts: Parts): { parts: { part: Part; ms: number }[]; sum: number } {
  // A negative rest has no length; the tables show it.
  const drawn = PARTS.map((part) => ({ part, ms: parts[part] ?? 0 })).filter(({ ms }) => ms > 0);
  return { parts: drawn, sum: drawn.reduce((sum, { ms }) => sum + ms, 0) };
}

/** The largest parts, as "cpu 62 %, blocked 20 %". */
export function largestParts(parts: Parts, most = 3): { part: Part; share: number }[] {
  const { parts: drawn, sum } = drawnParts(parts);
  return drawn
    .map(({ part, ms }) => ({ part, share: ms / sum }))
    .filter(({ share }) => share >= 0.01)
    .sort((a, b) => b.share - a.share)
    .slice(0, most);
}
