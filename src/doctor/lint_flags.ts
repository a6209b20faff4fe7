import { effectiveFlags } from "./effective_flags.ts";
import { type Flag, flagsIn, hasReadableValue, setsOldSpace } from "./node_options.ts";
import type { Found, Subject } from "./subject.ts";

/** Flags about the heap that do nothing, stop the process, contradict each other, or stand where nobody looks. */
export function flagRules(subject: Subject): Found[] {
  const written = subject.options.flatMap(flagsIn);
  const effective = effectiveFlags(subject);
  return [
    ...written.flatMap((flag) => ignored(flag, subject) ?? refused(flag, subject) ?? []),
    ...overridden(written, effective, subject),
    ...hidden(effective),
    ...notUsed(effective, subject),
  ];
}

function ignored({ text, source, lost }: Flag, { runtime }: Subject): Found | undefined {
  const { where, kind } = source;
  const used = runtime === "deno" ? "DENO_V8_FLAGS" : "NODE_OPTIONS";
  if (kind !== "command" && kind !== used) {
    return {
      rule: "ignored-by-runtime",
      figures: `${kind} has ${text}, which ${runtime === "deno" ? "Deno" : "Node"} does not read`,
      why: "the heap limit is the runtime's default, whatever the variable says",
      set: `${used}=${text}`,
      where,
    };
  }
  if (lost === "quoted") {
    return {
      rule: "flag-quoted",
      figures: `${kind} holds the quotes of ${text}`,
      why: "nothing takes single quotes out of it: Node takes no notice of the word, without an error",
      set: `${kind}=${text.replaceAll("'", "")} without single quotes`,
      where,
    };
  }
  if (lost === "behind the script") {
    return {
      rule: "flag-after-script",
      figures: `${text} stands behind the script in "${source.text}"`,
      why: "words behind the script are the script's arguments: the heap limit is the default",
      set: `${text} in front of the script, or in ${used}`,
      where,
    };
  }
  return undefined;
}

function refused(flag: Flag, { runtime, nodeMajor }: Subject): Found | undefined {
  const { name, text, value, source } = flag;
  const stops = (figures: string, set: string): Found => ({
    rule: "flag-refused",
    figures,
    why: "the process ends at once with exit 9 or 1, before any code of the application",
    set,
    where: source.where,
  });
  if (!hasReadableValue(flag)) {
    const given = value ? `"${value}"` : "nothing behind =";
    return stops(`${text}: V8 reads a whole number of MB there, ${given} is none`, `--${name}=<MB>, as 1536`);
  }
  if (runtime === "deno" || nodeMajor === undefined) return undefined;
  if (name === "max-heap-size" && source.kind === "NODE_OPTIONS" && nodeMajor < 24) {
    return stops(`${text} in NODE_OPTIONS, which Node ${nodeMajor} does not allow`, "--max-old-space-size there");
  }
  if (name === "max-old-space-size-percentage" && nodeMajor < 22) {
    return stops(`${text}, which Node ${nodeMajor} does not know`, "--max-old-space-size=<MB>");
  }
  return undefined;
}

function overridden(written: Flag[], effective: Flag[], { runtime }: Subject): Found[] {
  const readable = written.filter(({ lost, source }) => {
    const variable = runtime === "deno" ? "DENO_V8_FLAGS" : "NODE_OPTIONS";
    return !lost && (source.kind === "command" || source.kind === variable);
  });
  return readable.flatMap((flag) => {
    const winner = effective.findLast(({ name }) => name === flag.name);
    if (winner?.value === flag.value) return [];
    const by = winner
      ? `${winner.text} in ${winner.source.where} wins`
      : `a later ${flag.source.kind} replaces it, which has no such flag`;
    return {
      rule: "flag-overridden",
      figures: `${flag.text} has no effect: ${by}`,
      why: "who changes the losing place sees no change, and the figures in it are not those of the process",
      set: "the flag in one place only",
      where: flag.source.where,
    };
  });
}

function hidden(effective: Flag[]): Found[] {
  const flag = effective.findLast(setsOldSpace);
  if (!flag?.source.isHidden) return [];
  return [
    {
      rule: "hidden-flag",
      figures: `${flag.text} comes from ${flag.source.where}`,
      why:
        flag.source.kind === "command" || flag.source.where.startsWith("package.json")
          ? "it wins over the NODE_OPTIONS of the deployment, and does not follow when the memory limit changes"
          : "every container of the image has this heap, whatever its memory limit",
      set: "the flag in NODE_OPTIONS beside the memory limit, and nothing there",
      where: flag.source.where,
    },
  ];
}

function notUsed(effective: Flag[], { unusedOptions }: Subject): Found[] {
  if (effective.some(setsOldSpace)) return [];
  const flag = unusedOptions.flatMap(flagsIn).find(setsOldSpace);
  if (!flag) return [];
  return [
    {
      rule: "flag-not-used",
      figures: `${flag.text} stands in ${flag.source.where} and does not reach this process`,
      why: "the heap limit looks set and is the default",
      set: `NODE_OPTIONS=${flag.text} in the environment of this process, or nothing there`,
      where: flag.source.where,
    },
  ];
}
