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
