import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { isBlind } from "../terminal/system_error.ts";
import { waitFor } from "../wait_for.ts";

/** One process for certain: a pid may be used again, a pid with its start time is not. */
export interface ProcessId {
  pid: number;
  /** Boot and start time in the system's own words; only compared. */
  started: string;
}

/**
 * The identity of a running process; `undefined` when there is none with this pid.
 *
 * @throws when it cannot be seen for want of file descriptors: nothing that runs may be taken for dead then
 */
export function identify(pid: number): ProcessId | undefined {
  const started = process.platform === "linux" ? startOnLinux(pid) : startByPs(pid);
  return started === undefined ? undefined : { pid, started };
}

/** Whether this very process still runs. */
export function isAlive({ pid, started }: ProcessId): boolean {
  return identify(pid)?.started === started;
}

/** Sends a signal, unless the process is gone or its pid belongs to another by now. */
export function signalProcess(id: ProcessId, signal: NodeJS.Signals): void {
  if (!isAlive(id)) return;
  try {
    process.kill(id.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // gone between the two calls
  }
}

/** Asks a process to end and waits for it; after `graceMs` it is killed. Returns how it ended. */
export async function endProcess(
  id: ProcessId,
  { signal, graceMs }: { signal: NodeJS.Signals; graceMs: number },
): Promise<"ended" | "killed"> {
  signalProcess(id, signal);
  const gone = () => (isAlive(id) ? undefined : true);
  try {
    await waitFor(gone, `the end of process ${id.pid}`, { timeoutMs: graceMs, everyMs: 20 });
    return "ended";
  } catch {
    signalProcess(id, "SIGKILL");
    await waitFor(gone, `the end of process ${id.pid}`, { timeoutMs: 10_000, everyMs: 20 });
    return "killed";
  }
}

/** The pid of a process's parent; `undefined` when the process is gone. */
export function parentOf(pid: number): number | undefined {
  try {
    if (process.platform === "linux") return Number(statOf(pid)[1]);
    return Number(execFileSync("ps", ["-o", "ppid=", "-p", String(pid)], { encoding: "utf8" }));
  } catch {
    return undefined;
  }
}

/**
 * `/proc/<pid>/stat` from field 3 on (proc(5)): the command, field 2, stands in parentheses and may hold anything. Linux only.
 *
 * @throws when there is no such process
 */
export function statOf(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/** Field 22, clock ticks since boot. A zombie, field 3 "Z", counts as gone. */
function startOnLinux(pid: number): string | undefined {
  try {
    const fields = statOf(pid);
    if (fields[0] === "Z" || fields[0] === "X") return undefined;
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()} ${fields[19]}`;
  } catch (error) {
    if (isBlind(error)) throw error;
    return undefined;
  }
}

function startByPs(pid: number): string | undefined {
  try {
    const [stat, ...started] = execFileSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], { encoding: "utf8" })
      .trim()
      .split(/\s+/);
    return stat?.startsWith("Z") ? undefined : started.join(" ");
  } catch (error) {
    if (isBlind(error)) throw error;
    return undefined; // ps exits 1 when there is no such process
  }
}
