import { basename } from "node:path";
import type { Environment } from "../settings/environment.ts";
import type { Runtime } from "../settings/runtime.ts";
import { isRuntime, splitWords } from "./node_options.ts";

/** The scripts of a package.json, by name. */
export type Scripts = Record<string, string>;

/** What a start command comes to. */
export interface StartCommand {
  /** What runs the application; `undefined`: nothing that is known here. */
  runtime: Runtime | undefined;
  /** The command that holds the runtime, and the place it stands in when that is a script. */
  text: string;
  script?: string;
  /** A shell reads it, which replaces variables. */
  isShell: boolean;
  /** Variables that the command sets in front of it, innermost last. */
  assignments: { script?: string; values: Environment }[];
}

/** Follows a start command through shells, wrappers and package.json scripts to the runtime that it starts. */
export function readCommand(command: string | string[], scripts: Scripts): StartCommand {
  const result: StartCommand = { runtime: undefined, text: "", isShell: typeof command === "string", assignments: [] };
  let words = typeof command === "string" ? lastCommand(command, result) : [...command];
  // A script may start a script; a circle ends.
  for (let depth = 0; depth < 8; depth++) {
    const shell = words.findIndex(
      (word, index) => /^-\w*c$/.test(word) && /(^|\/)(ba|da|a)?sh$/.test(words[index - 1] ?? ""),
    );
    const name = scriptName(words);
    if (shell >= 0 || name !== undefined) result.isShell = true;
    if (shell >= 0) words = lastCommand(words[shell + 1] ?? "", result);
    else if (name !== undefined && scripts[name] !== undefined) {
      result.script = name;
      words = lastCommand(scripts[name], result);
    } else break;
  }
  const values = leadingAssignments(words);
  if (Object.keys(values).length) result.assignments.push(place(result, values));
  const program = words.findIndex(isRuntime);
  if (program >= 0) result.runtime = basename(words[program]!) === "deno" ? "deno" : "node";
  else if (words.some((word) => RUNNERS.test(basename(word)))) result.runtime = "node";
  result.text = words.slice(Math.max(program, 0)).join(" ");
  return result;
}

/** Programs that start Node themselves and hand its environment on. */
const RUNNERS = /^(npm|npx|yarn|pnpm|tsx|ts-node|nodemon|pm2|pm2-runtime|next|nest|bullmq)$/;

/** `npm start`, `npm run x`, `yarn x`, `pnpm x`: the script that is run. */
function scriptName(words: string[]): string | undefined {
  const manager = words.findIndex((word) => /^(npm|yarn|pnpm)$/.test(basename(word)));
  if (manager < 0) return undefined;
  const rest = words.slice(manager + 1).filter((word) => !word.startsWith("-"));
  return rest[0] === "run" || rest[0] === "run-script" ? rest[1] : rest[0];
}

/** The words of the last command of a shell's line, without those that only prepare; keeps what it exports. */
function lastCommand(text: string, result: StartCommand): string[] {
  const commands = text
    .split(/&&|\|\||;|\n/)
    .map(splitWords)
    .filter((words) => words.length > 0);
  for (const [first, ...rest] of commands) {
    if (first === "export") result.assignments.push(place(result, leadingAssignments(rest)));
  }
  const last = commands.findLast((words) => words.some(isRuntime) || scriptName(words)) ?? commands.at(-1) ?? [];
  const values = leadingAssignments(last);
  if (Object.keys(values).length) result.assignments.push(place(result, values));
  return last.filter((word) => !(word.split("=")[0]! in values));
}

function place({ script }: StartCommand, values: Environment) {
  return { ...(script === undefined ? {} : { script }), values };
}

/** `A=1 cross-env B=2 node ...`: the variables in front of the program. */
function leadingAssignments(words: string[]): Environment {
  const values: Environment = {};
  for (const word of words) {
    const [, name, value] = /^([A-Za-z_]\w*)=([\s\S]*)$/.exec(word) ?? [];
    if (name) values[name] = value!;
    else if (!/^(exec|env|cross-env|dumb-init|tini|--)$/.test(basename(word))) break;
  }
  return values;
}
