import { type Flag, flagsIn, type OptionKind } from "./node_options.ts";
import type { Subject } from "./subject.ts";

/** The flags that hold for a process, in the order in which they apply: of two of one name the last wins. */
export function effectiveFlags({ runtime, options }: Subject): Flag[] {
  const variable: OptionKind = runtime === "deno" ? "DENO_V8_FLAGS" : "NODE_OPTIONS";
  let flags: Flag[] = [];
  for (const source of options.filter(({ kind }) => kind === variable)) {
    // A variable replaces what an outer place gave it, unless it names it.
    flags = /\$\{?NODE_OPTIONS/.test(source.text) ? [...flags, ...flagsIn(source)] : flagsIn(source);
  }
  const commands = options.filter(({ kind }) => kind === "command").flatMap(flagsIn);
  return [...flags, ...commands].filter(({ lost }) => !lost);
}
