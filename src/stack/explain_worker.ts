import { join } from "node:path";
import { execa } from "execa";
import { type Death, type DeathScene, explainDeath } from "../death/explain_death.ts";
import type { Environment } from "../settings/environment.ts";
import { entryCommand } from "../settings/runtime.ts";
import type { StackSettings } from "../settings/stack.ts";
import { readLastMinute } from "./last_minute.ts";
import { lastLineOf, lastText } from "./part.ts";
import { originOf } from "./part_id.ts";
import { type PartExit, type PartState, stackFiles } from "./state.ts";
import type { Watch } from "./watch_process.ts";

/** A worker that has ended without being asked. */
export interface EndedWorker extends Pick<PartState, "partId" | "settings"> {
  exit: PartExit | null;
  watched: Watch;
}

/**
 * How the worker died, from what it has left and from the jobs that the queue store still holds as running; empty when
 * that goes wrong, which the log then says.
 */
export async function explainWorker(stack: StackSettings, ended: EndedWorker): Promise<{ death?: Death }> {
  try {
    return { death: await explain(stack, ended) };
  } catch (error) {
    process.stderr.write(`Cannot explain how the worker ended: ${(error as Error).stack}\n`);
    return {};
  }
}

async function explain(stack: StackSettings, ended: EndedWorker): Promise<Death> {
  const { exit, watched, settings } = ended;
  const [oomKills, peakBytes, memoryLimitBytes] = [watched.oomKills(), watched.peakBytes(), watched.memoryLimitBytes()];
  const sent = await readLastMinute(stackFiles(stack).metrics, {
    origin: originOf(ended),
    endedMs: Date.now(),
    askStore: (queues) => askStore(queues, stack, settings),
  });
  const output = lastText(stackFiles(stack).output("worker"));
  return explainDeath({ exit, oomKills, peakBytes, memoryLimitBytes, output, ...sent, samples: watched.samples() });
}

/** The store has this long to answer, in ms. */
const ANSWER_MS = 5_000;

/** Asks the queue store of `settings`, by another process: what goes wrong there must not end this one. */
async function askStore(
  queues: string[],
  { root, runtime, environment }: StackSettings,
  settings: Environment,
): Promise<DeathScene["jobs"]> {
  const { file, args } = entryCommand(join(root, "scripts", "active_jobs.ts"), runtime);
  const env = { ...environment, ...settings, OTEL_ENABLED: "false" };
  const { exitCode, stdout, stderr, timedOut } = await execa(file, [...args, ...queues], {
    ...{ cwd: root, env, extendEnv: false, stdin: "ignore", reject: false, timeout: ANSWER_MS },
  });
  if (exitCode === 0) return JSON.parse(stdout);
  const reason = timedOut ? `the queue store does not answer within ${ANSWER_MS / 1_000} s` : lastLineOf(stderr);
  return { notMeasured: reason || `asking the queue store ended with exit code ${exitCode}` };
}
