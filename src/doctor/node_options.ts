/** Where options of the runtime come from. */
export type OptionKind = "NODE_OPTIONS" | "DENO_V8_FLAGS" | "command";

/** Options as they are written in one place. */
export interface OptionSource {
  /** The place, as people find it: `compose.yaml services.worker.environment`. */
  where: string;
  kind: OptionKind;
  /** The value of the variable or, of a command, its words joined: `node --max-old-space-size=512 server.js`. */
  text: string;
  /** It stands away from the memory limit, in a package.json script or in an image, where nobody looks for it. */
  isHidden?: boolean;
}

/** One flag that bears on the heap. */
export interface Flag {
  /** Without dashes, with `-` for `_`: `max-old-space-size`. */
  name: string;
  /** As it was written. */
  text: string;
  value: string;
  source: OptionSource;
  /** Why the runtime takes no notice of it: it begins with a single quote, or stands behind the script. */
  lost?: "quoted" | "behind the script";
}

/** The sizes that flags ask for, in MB; what is 0 or absent is left to V8. */
export interface HeapFlags {
  oldMb?: number;
  semiMb?: number;
  heapMb?: number;
  oldPercentage?: number;
}

const SIZES: Record<string, keyof HeapFlags> = {
  "max-old-space-size": "oldMb",
  "max-semi-space-size": "semiMb",
  "max-heap-size": "heapMb",
  "max-old-space-size-percentage": "oldPercentage",
};

/** Its value as a number, and nothing for one that V8 cannot read. */
export function sizeOf(flag: Flag): number {
  return hasReadableValue(flag) ? Number(flag.value) : 0;
}

/** Whether this flag, rather than the memory, decides about the old space. */
export function setsOldSpace({ name }: Flag): boolean {
  return name in SIZES && name !== "max-semi-space-size";
}

/** Whether V8 can read its value: digits alone, or with a dot where a percentage is asked for. */
export function hasReadableValue({ name, value }: Flag): boolean {
  return name.endsWith("percentage") ? /^\d+(\.\d+)?$/.test(value) : /^\d+$/.test(value);
}

/** The sizes of these flags; of several of a name the last holds, and one whose value V8 cannot read is left out. */
export function heapFlags(flags: Flag[]): HeapFlags {
  const sizes: HeapFlags = {};
  for (const flag of flags.filter(hasReadableValue)) sizes[SIZES[flag.name]!] = Number(flag.value);
  return sizes;
}

/** The flags about the heap in one place. */
export function flagsIn(source: OptionSource): Flag[] {
  const words = source.kind === "command" ? splitWords(source.text) : optionWords(source);
  const end = source.kind === "command" ? scriptIndex(words) : words.length;
  return words.flatMap((word, index) => {
    const v8Flags = /^--v8-flags=(.*)$/.exec(word)?.[1]; // deno run --v8-flags=a,b
    if (v8Flags && index < end) {
      return flagsIn({ ...source, kind: "DENO_V8_FLAGS", text: v8Flags }).map((flag) => ({ ...flag, source }));
    }
    // An optional single quote, the name, "=", the value.
    const [, quote, name = "", value = ""] = /^(')?--([\w-]+)(?:=(.*))?$/.exec(word) ?? [];
    const flag: Flag = { name: name.replaceAll("_", "-"), text: word, value, source };
    if (!(flag.name in SIZES)) return [];
    if (quote) flag.lost = "quoted";
    if (index > end) flag.lost = "behind the script";
    return [flag];
  });
}

/** `NODE_OPTIONS` knows double quotes only; Deno's flags are separated by commas. */
function optionWords({ kind, text }: OptionSource): string[] {
  return (kind === "DENO_V8_FLAGS" ? text.split(",") : text.replaceAll('"', "").split(/\s+/)).filter(Boolean);
}

/** Options of Node that take the word behind them, so that it is not the script. */
const WITH_VALUE = /^(-r|--require|--import|--loader|--experimental-loader|-C|--conditions|--env-file|--title)$/;

/** Index of the script in `node ... script ...`, or of the end. */
function scriptIndex(words: string[]): number {
  const program = words.findIndex((word) => isRuntime(word));
  for (let index = program + 1; index < words.length; index++) {
    const word = words[index]!;
    if (WITH_VALUE.test(word)) index++;
    else if (!word.startsWith("-") && !(words[program]!.endsWith("deno") && word === "run")) return index;
  }
  return words.length;
}

/** Whether a word of a command is Node or Deno, by whatever path. */
export function isRuntime(word: string): boolean {
  return /(^|\/)(node|nodejs|deno)$/.test(word);
}

/** Words as a shell splits them: quotes group and go. */
export function splitWords(text: string): string[] {
  // Runs of quoted parts and of characters that are neither space nor quote.
  const words = text.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? [];
  return words.map((word) => word.replace(/"([^"]*)"|'([^']*)'/g, "$1$2"));
}
