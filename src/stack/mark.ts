import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { identify, type ProcessId, parentOf } from "../processes/process_id.ts";
import { isBlind } from "../terminal/system_error.ts";
import { PARTS, type PartName } from "./state.ts";

/** Our entries ignore it; to PostgreSQL it is a parameter that nobody reads. */
const MARK = "--prodlike.stack=";

/** A process of a stack, known by its command line: also when no record of it is left. */
export interface Marked {
  name: PartName | "supervisor";
  /** The checkout that it belongs to. */
  root: string;
}

/** The last argument of every process of the stack of the checkout `root`. */
export function markOf(root: string): string {
  return MARK + root;
}

/** The running processes that carry the mark of `root`. */
export function findMarked(root: string): (Marked & { id: ProcessId })[] {
  const found = [...commandLines()].flatMap(([pid, command]) => {
    const marked = readMark(command);
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

/** What stack's process a command line is; `undefined` when it is a stranger's. */
export function readMark(command: string[]): Marked | undefined {
  const last = command.at(-1);
  if (!last?.startsWith(MARK)) return undefined;
  const root = last.slice(MARK.length);
  if (basename(command[0] ?? "") === "postgres") return { name: "postgres", root };
  const name = ([...PARTS, "supervisor"] as const).find(
    (each) => command.at(-2) === join(root, "scripts", `${each}.ts`),
  );
  return name && { name, root };
}

/**
 * The command line of a process, by argument; empty when it is gone.
 *
 * @throws when it cannot be seen for want of file descriptors
 */
export function commandLine(pid: number): string[] {
  if (process.platform !== "linux") return commandLinesByPs().get(pid) ?? [];
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
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
