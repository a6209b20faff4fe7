/** How a function is called where its place stands beside it: the profiler's name of one without a name is a place too. */
export function functionName(name: string): string {
  return name.startsWith("(anonymous") ? "(anonymous)" : name || "(anonymous)";
}

/** Where a function stands: the end of its path, of at most `most` characters, and the line. */
export function functionPlace({ file, line }: { file: string; line: number }, most: number): string {
  if (file === "") return "native";
  const end = file.length > most ? `…${file.slice(1 - most)}` : file;
  return line > 0 ? `${end}:${line}` : end;
}

/** A function in little room: one without a name by its place. */
export function frameName({ name, file, line }: { name: string; file: string; line: number }): string {
  const base = file.split(/[\\/]/).at(-1);
  return name.startsWith("(anonymous") && base ? `(${base}:${line})` : name;
}
