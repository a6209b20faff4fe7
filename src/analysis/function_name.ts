/** As people read it in a sentence. */
export function showMs(ms: number): string {
  if (Math.abs(ms) >= 10_000) return `${showNumber(ms / 1e3)} s`;
  return `${showNumber(ms)} ms`;
}

/** Three digits, or all before the point. */
export function showNumber(value: number): string {
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

export const showShare = (share: number) => `${Math.round(100 * share)} %`;

/** A function with all of its path. */
export function showPlacedFunction({ name, file, line }: { name: string; file: string; line: number }): string {
  if (file === "") return name;
  return name.startsWith("(anonymous") ? `the function at ${file}:${line}` : `${name} (${file}:${line})`;
}

/** A function as people find it again: one without a name by its place. */
export function showFunction({ name, file, line }: { name: string; file: string; line: number }): string {
  const [, base = ""] = /([^\\/]*)$/.exec(file) ?? [];
  return name.startsWith("(anonymous") && base ? `the function at ${base}:${line}` : name;
}
