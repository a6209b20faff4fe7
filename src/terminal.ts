import { type Config, loadConfig, readEnvironment } from "./config.ts";
import { UserError } from "./user_error.ts";

/** Exit codes of all scripts: done or proved, disproved or a threshold broken, could not try, ended by Ctrl-C. */
export const EXIT = { ok: 0, disproved: 1, couldNotTry: 2, interrupted: 130 } as const;

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 };

/** Colours a text, or returns it as it is: when the stream is no terminal or `NO_COLOR` is set (https://no-color.org). */
export type Paint = (style: keyof typeof codes, text: string) => string;

/** The painter for a stream; pad first, then paint. */
export function painter(colour: boolean): Paint {
  return (style, text) => (colour ? `\x1b[${codes[style]}m${text}\x1b[0m` : text);
}

/** What a script is given to work with. People read `say` (stderr), machines read the object that `main` returns (stdout). */
export interface Terminal {
  say(line?: string): void;
  /** Present on a terminal: writes a line that the next one of `rewrite` replaces; an empty one removes it. */
  rewrite: ((line: string) => void) | undefined;
  paint: Paint;
  columns: number;
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP: clean up and return. */
  signal: AbortSignal;
}

/** What a script leaves: its exit code and, printed only with `JSON=1`, its result as one object. */
export interface Outcome {
  code: number;
  json: object;
}

/** Runs a script's `main`: reads the settings, prints errors as one line each, sets the exit code. Never rejects. */
export async function runScript(main: (config: Config, terminal: Terminal) => Promise<Outcome>): Promise<void> {
  const interrupted = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(name, () => interrupted.abort(new UserError(`Interrupted by ${name}`)));
  }
  // Whoever read our output is gone, as in `make verify | head`: the same as Ctrl-C.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", () => interrupted.abort(new UserError("Interrupted: nobody reads the output")));
  }
  const terminal: Terminal = {
    say: (line = "") => void process.stderr.write(`${line}\n`),
    rewrite: rewriter(process.stderr),
    paint: painter(false),
    columns: process.stderr.columns ?? 100,
    signal: interrupted.signal,
  };
  let json = false;
  let outcome: Outcome;
  try {
    const environment = readEnvironment();
    json = environment.JSON === "1";
    terminal.paint = painter(process.stderr.isTTY && !environment.NO_COLOR);
    outcome = await main(loadConfig(environment), terminal);
  } catch (error) {
    const { aborted, reason } = interrupted.signal;
    // What was interrupted may say so in words of its own.
    outcome = explain(aborted && !(error instanceof UserError) ? reason : error, terminal);
    if (aborted) outcome.code = EXIT.interrupted;
  }
  if (json) process.stdout.write(`${JSON.stringify(outcome.json)}\n`);
  process.exitCode = outcome.code;
}

function rewriter(stream: NodeJS.WriteStream): Terminal["rewrite"] {
  // A line that is longer than the terminal could not be replaced.
  if (stream.isTTY) return (line) => void stream.write(`\r\x1b[K${line.slice(0, (stream.columns || 80) - 1)}`);
  return undefined;
}

/** Prints an error, and what to do when it is the user's; what no user can mend with its stack. */
export function explain(error: unknown, { say, paint }: Pick<Terminal, "say" | "paint">): Outcome {
  const expected = error instanceof UserError;
  const message = error instanceof Error ? error.message : String(error);
  say(`${paint("red", "error:")} ${message}`);
  if (expected && error.next) say(`next:  ${error.next}`);
  if (!expected && error instanceof Error) say(error.stack ?? "");
  return { code: EXIT.couldNotTry, json: { ok: false, outcome: "could not try", error: message } };
}
