import { join } from "node:path";
import { execa } from "execa";
import { type Environment, ROOT } from "../settings/environment.ts";
import { currentRuntime, entryCommand, v8Flags } from "../settings/runtime.ts";
import { UserError } from "../terminal/user_error.ts";
import { visible } from "../terminal/visible_text.ts";
import type { Examination } from "./examine.ts";

/** What the process answers. */
export type Answer = { examination: Examination } | { error: string };

export interface ExamineOptions {
  /** Ends it before. */
  signal: AbortSignal;
  /** Files that people write take a hundredth of it. @default {10_000} */
  timeoutMs?: number;
  /** @default {256} */
  maxHeapMb?: number;
}

/** Of what is found in them, bytes. */
const MAX_ANSWER_BYTES = 16 * 2 ** 20;

/**
 * As {@link examine}, in a process of its own that can be ended: a file of less than 1 MiB can be made so that a parser is busy
 * with it for hours, or fills the memory.
 *
 * @throws {UserError} as it does, and when it takes too long or too much memory; the signal's reason when that aborts
 */
export async function examineApart(
  app: string,
  environment: Environment,
  { signal, timeoutMs = 10_000, maxHeapMb = 256 }: ExamineOptions,
): Promise<Examination> {
  const { file, args } = entryCommand(join(ROOT, "scripts", "examine.ts"), currentRuntime);
  const [name, value] = v8Flags([`--max-old-space-size=${maxHeapMb}`], currentRuntime);
  const result = await execa(file, args, {
    input: JSON.stringify({ app, environment }),
    env: { [name]: value },
    timeout: timeoutMs,
    killSignal: "SIGKILL",
    maxBuffer: MAX_ANSWER_BYTES,
    cancelSignal: signal,
    reject: false,
  });
  signal.throwIfAborted();
  const refused = (reason: string) => new UserError(`Cannot read APP="${visible(app)}": ${reason}`);
  if (result.timedOut) throw refused(`it takes more than ${timeoutMs / 1_000} s, less is wanted`);
  if (result.isMaxBuffer) throw refused(`there is more to say than ${MAX_ANSWER_BYTES} bytes hold`);
  if (result.failed && /out of memory/i.test(result.stderr))
    throw refused(`it takes more than ${maxHeapMb} MB of memory`);
  if (result.failed) throw new Error(result.stderr || result.shortMessage);
  const answer = JSON.parse(result.stdout) as Answer; // of our own script
  if ("error" in answer) throw new UserError(answer.error);
  return answer.examination;
}
