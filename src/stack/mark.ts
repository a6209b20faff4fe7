import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { identify, type ProcessId, parentOf } from "../processes/process_id.ts";
import type { Environment } from "../settings/environment.ts";
import { isBlind } from "../terminal/system_error.ts";
import { PARTS, type PartName } from "./state.ts";

/** The last argument of a program that takes any: our entries ignore it; to PostgreSQL it is a parameter that nobody reads. */
const MARK = "--prodlike.stack=";
/** The variable of one that may refuse an argument that it does not know. */
const VARIABLE = "PRODLIKE_STACK";

/** A process of a stack, known by its command line and its environment: also when no record of it is left. */
export interface Marked {
  name: PartName | "supervisor";
  /** The checkout that it belongs to. */
  root: string;
}

/** The arguments with the mark behind them. */
export function markArguments(args: string[], marked: Marked): string[] {
  return [...args, `${MARK}${markOf(args, marked)}`];
}

/** The mark as a variable, which is read on Linux alone: elsewhere such a process is known by its record only. */
export function markEnvironment(args: string[], marked: Marked): Environment {
  return { [VARIABLE]: markOf(args, marked) };
}

/** It holds a sum of the arguments: a stranger that names the mark is none of ours, nor a child that has inherited it. */
function markOf(args: string[], { name, root }: Marked): string {
  return `${name}:${sumOf(args)}:${root}`;
}

function sumOf(args: string[]): string {
  return createHash("sha256").update(args.join("\0")).digest("hex").slice(0, 12);
}

/** The running processes that carry the mark of `root`. */
export function findMarked(root: string): (Marked & { id: ProcessId })[] {
  const found = [...commandLines()].flatMap(([pid, command]) => {
    const marked = readMark(command, variableOf(pid));
    const id = marked?.root === root ? identify(pid) : undefined;
    return marked && id ? [{ ...marked, id }] : [];
  });
  // Until a child has become the program that it is to run, it looks like its parent.
  const isCopy = ({ name, id }: (typeof found)[number]) => {
    const parent = parentOf(id.pid);
    return found.some((other) => other.id.pid === parent && other.name === name);
  };
  return found.filter((each) => !isCopy(each));
}

/** What process of a stack this one is; `undefined` when it is a stranger's. */
export function markedAs(pid: number): Marked | undefined {
  return readMark(commandLine(pid), variableOf(pid));
}

/** What process of a stack has this command line and this variable. */
export function readMark(command: string[], variable = ""): Marked | undefined {
  const last = command.at(-1);
  const argument = last?.startsWith(MARK) ? last.slice(MARK.length) : undefined;
  const [name, sum, ...root] = (argument ?? variable).split(":"); // a path may hold colons
  const known = ([...PARTS, "supervisor"] as const).find((each) => each === name);
  const args = command.slice(1, argument === undefined ? undefined : -1);
  return known && sum === sumOf(args) ? { name: known, root: root.join(":") } : undefined;
}

/**
 * The command line of a process, by argument; empty when it is gone.
 *
 * @throws when it cannot be seen for want of file descriptors
 */
export function commandLine(pid: number): string[] {
  if (process.platform !== "linux") return commandLinesByPs().get(pid) ?? [];
  return readStrings(`/proc/${pid}/cmdline`);
}

function variableOf(pid: number): string {
  if (process.platform !== "linux") return "";
  const set = readStrings(`/proc/${pid}/environ`).find((each) => each.startsWith(`${VARIABLE}=`));
  return set?.slice(VARIABLE.length + 1) ?? "";
}

/** Empty when the process is gone, or another user's that keeps it to himself. */
function readStrings(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\0").slice(0, -1);
  } catch (error) {
    if (isBlind(error)) throw error;
    return [];
  }
}

function commandLines(): Map<number, string[]> {
  if (process.platform !== "linux") return commandLinesByPs();
  const pids = readdirSync("/proc").map(Number).filter(Number.isInteger);
  return new Map(pids.map((pid) => [pid, commandLine(pid)]));
}

/** An argument with a space in it is torn: a process with such a path is not recognised, and so never ended by mistake. */
function commandLinesByPs(): Map<number, string[]> {
  const table = execFileSync("ps", ["-axww", "-o", "pid=,args="], { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  const rows = table
    .trimEnd()
    .split("\n")
    .map((line) => line.trim().split(/\s+/));
  return new Map(rows.map(([pid, ...command]) => [Number(pid), command]));
}
