import type { Environment } from "../settings/environment.ts";
import { splitWords } from "./node_options.ts";

/** One stage of a Dockerfile, with what it inherits from the stages it is built on. */
export interface Stage {
  /** Its name, else its number. */
  name: string;
  /** The image it ends up on: `node:20-bookworm-slim`. */
  image: string;
  environment: Environment;
  /** `ENTRYPOINT` and `CMD`, words or, in shell form, one text. */
  entrypoint: string | string[] | undefined;
  command: string | string[] | undefined;
  /** The commands of its `RUN` lines. */
  runs: string[];
}

/**
 * The stages of a Dockerfile, in order. Reads FROM, ARG (defaults), ENV, CMD, ENTRYPOINT and RUN.
 *
 * @see https://docs.docker.com/reference/dockerfile/
 */
export function readStages(text: string, buildArguments: Environment = {}): Stage[] {
  const stages: Stage[] = [];
  const values: Environment = {};
  for (const line of instructions(text)) {
    const [, keyword = "", rest = ""] = /^(\w+)\s+([\s\S]*)$/.exec(line) ?? [];
    const current = stages.at(-1);
    const filled = () => fill(rest, { ...values, ...current?.environment });
    switch (keyword.toUpperCase()) {
      case "ARG": {
        const [name, fallback] = pair(rest);
        const value = buildArguments[name] ?? (fallback === undefined ? undefined : fill(fallback, values));
        if (value !== undefined) values[name] = value;
        break;
      }
      case "FROM":
        stages.push(startStage(filled(), stages));
        break;
      case "ENV":
        if (current) Object.assign(current.environment, assignments(filled()));
        break;
      case "ENTRYPOINT":
        if (current) Object.assign(current, { entrypoint: form(rest), command: undefined });
        break;
      case "CMD":
        if (current) current.command = form(rest);
        break;
      case "RUN":
        current?.runs.push(rest);
        break;
    }
  }
  return stages;
}

/** Lines without comments, those that end with a backslash joined with the next. */
function instructions(text: string): string[] {
  const lines = text.split(/\r?\n/).filter((line) => !/^\s*#/.test(line));
  return lines
    .join("\n")
    .replace(/\\[ \t]*\n/g, " ")
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
}

function startStage(from: string, stages: Stage[]): Stage {
  // Flags as --platform, the image or an earlier stage, "AS name".
  const [, image = "", name = String(stages.length)] = /^(?:--\S+\s+)*(\S+)(?:\s+as\s+(\S+))?/i.exec(from) ?? [];
  const base = stages.findLast((stage) => stage.name.toLowerCase() === image.toLowerCase());
  const fresh = { image, environment: {}, entrypoint: undefined, command: undefined };
  return { ...(base ?? fresh), environment: { ...base?.environment }, name, runs: [] };
}

/** `KEY=value OTHER="with spaces"`, or the old `KEY value`. */
function assignments(text: string): Environment {
  if (!/^\w+=/.test(text)) {
    const [, name = "", value = ""] = /^(\S+)\s+(.*)$/.exec(text) ?? [];
    return { [name]: value };
  }
  return Object.fromEntries(splitWords(text).map((word) => pair(word) as [string, string]));
}

function pair(word: string): [name: string, value: string | undefined] {
  const at = word.indexOf("=");
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1).replace(/^"(.*)"$/, "$1")];
}

/** `["node", "x.js"]` as words, anything else as the text that a shell gets. */
function form(text: string): string | string[] {
  try {
    const words: unknown = JSON.parse(text);
    if (Array.isArray(words)) return words.map(String);
  } catch {
    // Shell form.
  }
  return text;
}

/** Replaces `$NAME`, `${NAME}` and `${NAME:-default}`; a name without a value stays, a shell may know it. */
function fill(text: string, values: Environment): string {
  return text.replace(/\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))/g, (whole, braced, fallback, bare) => {
    return values[braced ?? bare] ?? fallback ?? whole;
  });
}
