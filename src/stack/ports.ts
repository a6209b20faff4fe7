import { randomInt } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { isBlind, systemError } from "../terminal/system_error.ts";
import { UserError } from "../terminal/user_error.ts";
import { commandLine, markedAs } from "./mark.ts";

const HOST = "127.0.0.1";

// Below the ports that a kernel gives to outgoing connections and to listeners on port 0 (from 32768 on Linux, 49152 elsewhere):
// what is free here stays free until somebody asks for it by number.
const FIRST = 10_000;
const LAST = 32_767;

/**
 * A port that nobody holds right now.
 *
 * @throws {UserError} after 100 that could not be bound
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = randomInt(FIRST, LAST + 1);
    if (await isFree(port)) return port;
  }
  throw new UserError(`No port can be bound on ${HOST} from ${FIRST} to ${LAST}`);
}

/**
 * Whether `port` can be bound on the loopback.
 *
 * @throws {UserError} when that cannot be tried for want of file descriptors
 */
export async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, HOST);
  try {
    await once(server, "listening");
  } catch (cause) {
    if (isBlind(cause)) throw systemError(`Cannot listen on ${HOST}:${port}`, cause) ?? cause;
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}

/**
 * Makes sure that `port`, the value of the setting `name`, can be bound.
 *
 * @throws {UserError} naming the setting and, where it can be seen, who holds the port
 */
export async function requireFree(name: string, port: number): Promise<void> {
  if (await isFree(port)) return;
  const holder = findHolder(port);
  const marked = holder && markedAs(holder.pid);
  const other = marked && `the ${marked.name} of another checkout of prodlike, ${marked.root}`;
  const stranger = holder && `process ${holder.pid} (${holder.command.join(" ").slice(0, 120)}) in ${holder.folder}`;
  // Docker's, which holds it for a container.
  const isProxy = holder?.command[0]?.endsWith("docker-proxy");
  const kill = isProxy ? `docker ps --filter publish=${port}` : holder ? `kill ${holder.pid}` : "end that process";
  const end = marked ? `make -C ${marked.root} otel-down` : kill;
  throw new UserError(
    `Cannot listen on ${HOST}:${port} (${name}): it is held by ${other ?? stranger ?? "another process"}`,
    { next: `choose another port, as ${name}=${port + 1}, or ${end}` },
  );
}

/** The process that listens on a TCP port. Linux only, and only processes one may look into. */
function findHolder(port: number): { pid: number; command: string[]; folder: string } | undefined {
  if (process.platform !== "linux") return undefined;
  const inodes = new Set(["/proc/net/tcp", "/proc/net/tcp6"].flatMap((table) => listeningInodes(table, port)));
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`)) {
        if (!inodes.has(readlinkSync(`/proc/${pid}/fd/${fd}`))) continue;
        return { pid: Number(pid), command: commandLine(Number(pid)), folder: readlinkSync(`/proc/${pid}/cwd`) };
      }
    } catch {
      // Another user's process, or one that has just ended.
    }
  }
  return undefined;
}

/** Sockets in state LISTEN (0A) on a port, as `/proc/<pid>/fd` shows them. @see proc_net_tcp in the kernel's documentation */
function listeningInodes(table: string, port: number): string[] {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  try {
    const rows = readFileSync(table, "utf8")
      .trim()
      .split("\n")
      .slice(1)
      .map((row) => row.trim().split(/\s+/));
    return rows.filter((row) => row[1]?.endsWith(local) && row[3] === "0A").map((row) => `socket:[${row[9]}]`);
  } catch {
    return []; // no IPv6
  }
}
