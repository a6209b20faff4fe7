import { UserError } from "../../terminal/user_error.ts";
import { WaitTimeoutError, waitFor } from "../../wait_for.ts";
import { describeExit, lastLineOf } from "../part.ts";
import type { Progress } from "../protocol.ts";
import type { Wanted } from "../wanted.ts";
import { type ComposeCli, type Container, composeCli } from "./cli.ts";
import { ownContainers, requirePorts, requireSameSettings } from "./guards.ts";
import { composeEnvironment, FILES, writeSettings } from "./settings.ts";
import { COLLECTOR } from "./telemetry.ts";

/** Containers have this long to become ready, in s. */
const READY_S = 120;

/** Starts what is missing of `parts`, or nothing; touches nothing that runs. Returns what it started. */
export async function up(wanted: Wanted, cli: ComposeCli, parts: string[], progress: Progress): Promise<string[]> {
  const containers = await ownContainers(wanted, cli);
  const running = containers.filter(({ state }) => state === "running");
  const missing = parts.filter((part) => !running.some(({ service }) => service === part));
  const withSettings = composeCli(wanted, [...FILES, writeSettings(wanted)], composeEnvironment(wanted));
  await requireSameSettings(running, withSettings);
  if (missing.length === 0) return [];
  await requirePorts(wanted, missing, cli);
  try {
    await start(wanted, withSettings, missing, progress);
  } catch (error) {
    await undo(cli, missing, running);
    throw error;
  }
  return missing;
}

/** Removes what was `started` beside what was `running`, as if it had not been started. */
export async function undo(cli: ComposeCli, started: string[], running: Container[]): Promise<void> {
  if (running.length === 0) await cli.show(["down", "--remove-orphans"]);
  else if (started.length > 0) await cli.show(["rm", "--stop", "--force", ...started]);
}

/** Makes and starts services and waits until they are ready. */
export async function start(wanted: Wanted, cli: ComposeCli, args: string[], progress: Progress): Promise<void> {
  const wait = ["--build", "--no-deps", "--wait", "--wait-timeout", String(READY_S)];
  const exitCode = await cli.show(["up", "--detach", ...wait, ...args], progress.signal);
  if (exitCode !== 0) throw await whyNotReady(cli, args);
  if (args.includes(COLLECTOR)) await untilHealthy(wanted, progress.signal);
}

/** The container that did not become ready, with the last line that it printed. */
async function whyNotReady(cli: ComposeCli, services: string[]): Promise<UserError> {
  const containers = (await cli.containers()).filter(({ service }) => services.includes(service));
  const ended = containers.find(({ state }) => state === "exited" || state === "dead" || state === "restarting");
  const late = containers.find(({ state, health }) => state === "running" && health && health !== "healthy");
  const found = ended ?? late;
  if (!found) return new UserError("Cannot start the containers: compose says why above");
  const why = ended ? `it ended with ${describeExit(ended.exit)}` : `it is not ready after ${READY_S} s`;
  const line = lastLineOf(await cli.text(["logs", "--no-color", "--no-log-prefix", "--tail", "50", found.service]));
  return new UserError(`Cannot start the ${found.service}: ${why}${line ? `: ${line}` : ""}`);
}

/** The collector's image has no program that could be a health check. */
async function untilHealthy({ collectorHealthPort }: Wanted, signal: AbortSignal): Promise<void> {
  const url = `http://127.0.0.1:${collectorHealthPort}`;
  const check = async () => (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok || undefined;
  try {
    await waitFor(check, "the collector", { timeoutMs: 30_000, everyMs: 50, signal });
  } catch (cause) {
    if (!(cause instanceof WaitTimeoutError)) throw cause;
    throw new UserError(`Cannot start the ${COLLECTOR}: ${url} does not answer after 30 s`, { cause });
  }
}
