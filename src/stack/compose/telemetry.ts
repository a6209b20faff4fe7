import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { markEnd } from "../../otlp/live_file.ts";
import { UserError } from "../../terminal/user_error.ts";
import type { Telemetry } from "../stack.ts";
import { makeStackFolder, stackFiles } from "../state.ts";
import type { Wanted } from "../wanted.ts";
import type { ComposeCli, Container } from "./cli.ts";

/** The service that receives the telemetry. */
export const COLLECTOR = "otel-collector";
/** Its address in the network of the containers. */
export const COLLECTOR_URL = `http://${COLLECTOR}:4318`;
/** Where it writes, in its container. */
const FOLDER = "/telemetry";
const NAMES = ["traces.jsonl", "metrics.jsonl"] as const;

/**
 * What the containers' collector has received. Its files are read where they are; those in a volume, and its log, are
 * copied into a folder of this process.
 */
export async function composeTelemetry(wanted: Wanted, cli: ComposeCli): Promise<Telemetry> {
  const collector = (await cli.containers()).find(({ service }) => service === COLLECTOR);
  if (!collector)
    throw new UserError("Cannot read what the collector has received: it is not up", { next: "make otel-up" });
  makeStackFolder(wanted);
  const copies = mkdtempSync(join(stackFiles(wanted).folder, "copies-"));
  const folder = folderOf(collector);
  const log = join(copies, "collector.log");
  writeFileSync(log, "");
  let newest = "";

  async function refreshLog(): Promise<void> {
    const since = newest ? ["--since", newest] : [];
    const args = ["logs", "--no-color", "--no-log-prefix", "--timestamps", ...since, COLLECTOR];
    const lines = (await cli.text(args)).split("\n");
    const from = newest; // that line comes again
    let text = "";
    for (const line of lines) {
      // RFC 3339 with nine digits: its order is that of the text.
      const [, time, rest] = /^(\S+Z) ?(.*)$/s.exec(line) ?? [];
      if (time === undefined || time <= from) continue;
      text += `${rest}\n`;
      if (time > newest) newest = time;
    }
    appendFileSync(log, text);
  }
  async function refresh(): Promise<void> {
    await Promise.all([refreshLog(), ...(folder ? [] : NAMES.map((name) => copyOut(cli, name, copies)))]);
  }
  const close = async () => rmSync(copies, { recursive: true, force: true });

  try {
    await refresh();
  } catch (error) {
    await close();
    throw error;
  }
  const [traces, metrics] = NAMES.map((name) => join(folder ?? copies, name)) as [string, string];
  const oldError = readFileSync(log, "utf8")
    .split("\n")
    .findLast((line) => /^\S+\s+(error|fatal)\s/.test(line));
  return { files: { traces, metrics, collectorLog: log }, refresh, oldError, close };
}

/** Empties the collector's files while it is stopped. */
export async function clearTelemetry(cli: ComposeCli, collector: Container): Promise<void> {
  const folder = folderOf(collector);
  if (folder) {
    // Beside each are the ones that it has rotated.
    const own = readdirSync(folder).filter((name) => /^(traces|metrics)\b.*\.jsonl/.test(name));
    for (const name of own) rmSync(join(folder, name));
    return;
  }
  const empty = mkdtempSync(join(tmpdir(), "prodlike-empty-"));
  try {
    for (const name of NAMES) {
      writeFileSync(join(empty, name), "");
      await cli.text(["cp", join(empty, name), `${COLLECTOR}:${FOLDER}/${name}`]);
    }
  } finally {
    rmSync(empty, { recursive: true });
  }
}

/** The collector's folder on this machine; `undefined` when it is a volume, which only the engine may read. */
function folderOf({ mounts }: Container): string | undefined {
  const mount = mounts.find(({ target }) => target === FOLDER);
  return mount?.type === "bind" && existsSync(mount.source) ? mount.source : undefined;
}

/** Appends what is new in a file of the collector to our copy of it. */
async function copyOut(cli: ComposeCli, name: string, copies: string): Promise<void> {
  const whole = join(copies, `.${name}`);
  try {
    await cli.text(["cp", `${COLLECTOR}:${FOLDER}/${name}`, whole]);
  } catch (error) {
    if (/Could not find the file|no such file/i.test((error as Error).message)) return; // nothing has arrived yet
    throw error;
  }
  const copy = join(copies, name);
  const bytes = readFileSync(whole);
  const known = markEnd(copy).bytes;
  if (bytes.length >= known) appendFileSync(copy, bytes.subarray(known));
  else writeFileSync(copy, bytes); // it was rotated: all of it is new
}
