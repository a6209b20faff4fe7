import { readEnvironment } from "../settings/environment.ts";
import { readSettings, type Settings } from "../settings/settings.ts";
import { systemError } from "./system_error.ts";
import { FailedError, UserError } from "./user_error.ts";
import { visible } from "./visible_text.ts";

/** Exit codes of all scripts: done or proved, disproved or a threshold broken, could not try, ended by Ctrl-C. */
export const EXIT = { ok: 0, disproved: 1, couldNotTry: 2, interrupted: 130 } as const;

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 };
/** What {@link painter} writes. */
const PAINT = new RegExp(`(\x1b\\[(?:${[0, ...Object.values(codes)].join("|")})m)`);

/** Colours a text, or returns it as it is (https://no-color.org). */
export type Paint = (style: keyof typeof codes, text: string) => string;

/** The painter for a stream; pad first, then paint. */
export function painter(colour: boolean): Paint {
  return (style, text) => (colour ? `\x1b[${codes[style]}m${text}\x1b[0m` : text);
}

/**
 * What a script is given to work with. Both streams are for people: what came of it goes to stdout, what happens on the way
 * to stderr. With `JSON=1` machines read the object that `main` returns on stdout, and all for people goes to stderr.
 */
export interface Terminal {
  /** Progress: a line on stderr. */
  say(line?: string): void;
  /** The result: a line on stdout. */
  print(line?: string): void;
  /** Present on a terminal: writes a line that the next one of `rewrite` replaces; an empty one removes it. */
  rewrite: ((line: string) => void) | undefined;
  /** Colours are left out where the stream is no terminal, or `NO_COLOR` is set. */
  paint: Paint;
  /** Characters in a line of the result. */
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
export async function runScript(main: (settings: Settings, terminal: Terminal) => Promise<Outcome>): Promise<void> {
  const interrupted = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(name, () => interrupted.abort(new UserError(`Interrupted by ${name}`)));
  }
  const { stdout, stderr } = process;
  let isPlain = true;
  const linesTo = (stream: NodeJS.WriteStream) => writer(stream, () => stream.isTTY && !isPlain);
  const say = linesTo(stderr);
  let json = false;
  let unwritten: string | undefined;
  for (const stream of [stdout, stderr]) {
    stream.on("error", ({ code, message }: NodeJS.ErrnoException) => {
      // Its reader is gone, as in `make verify | head`: the same as Ctrl-C.
      if (code === "EPIPE") return interrupted.abort(new UserError("Interrupted: nobody reads the output"));
      if (unwritten === undefined && stream === stdout) say(`error: Cannot write the result: ${message}`);
      unwritten = message;
      process.exitCode = EXIT.couldNotTry;
    });
  }
  const terminal: Terminal = {
    say,
    print: linesTo(stdout),
    rewrite: rewriter(stderr),
    paint: painter(true),
    columns: stdout.columns ?? stderr.columns ?? 100,
    signal: interrupted.signal,
  };
  let outcome: Outcome;
  try {
    const environment = readEnvironment();
    json = environment.JSON === "1";
    isPlain = Boolean(environment.NO_COLOR);
    if (json) terminal.print = say;
    outcome = await main(readSettings(environment), terminal);
  } catch (error) {
    const { aborted, reason } = interrupted.signal;
    // What was interrupted may say so in words of its own.
    outcome = explain(aborted && !(error instanceof UserError) ? reason : error, terminal);
    if (aborted) outcome.code = EXIT.interrupted;
  }
  if (json) stdout.write(`${JSON.stringify(outcome.json)}\n`);
  process.exitCode = unwritten === undefined ? outcome.code : EXIT.couldNotTry;
}

/** Writes lines in which control characters of others are seen, and no colours where the stream shows none. */
function writer(stream: NodeJS.WriteStream, isColoured: () => boolean): (line?: string) => void {
  const seen = (text: string) => text.replace(/[^\n\t]+/g, visible);
  return (line = "") => {
    const parts = line.split(PAINT).map((part, index) => (index % 2 === 0 ? seen(part) : isColoured() ? part : ""));
    stream.write(`${parts.join("")}\n`);
  };
}

function rewriter(stream: NodeJS.WriteStream): Terminal["rewrite"] {
  // A line that is longer than the terminal could not be replaced.
  if (stream.isTTY) return (line) => void stream.write(`\r\x1b[K${visible(line).slice(0, (stream.columns || 80) - 1)}`);
  return undefined;
}

/**
 * Prints an error, and what to do when it is the user's; what no user can mend with its stack. A {@link FailedError} is a
 * result.
 */
export function explain(thrown: unknown, { say, print, paint }: Pick<Terminal, "say" | "print" | "paint">): Outcome {
  const error = thrown instanceof UserError ? thrown : (systemError("Cannot go on", thrown) ?? thrown);
  const expected = error instanceof UserError;
  const message = error instanceof Error ? error.message : String(error);
  // Further lines of it, which may be somebody else's words, are not taken for lines of ours.
  const text = message.split("\n").map(visible).join("\n  ");
  const failed = error instanceof FailedError;
  if (failed) print(`${paint("red", "Failed:")} ${text}`);
  else say(`${paint("red", "error:")} ${text}`);
  if (expected && error.next) say(`next:  ${visible(error.next)}`);
  if (!expected && error instanceof Error) say(error.stack ?? "");
  if (failed) return { code: EXIT.disproved, json: { ok: false, outcome: "failed", reasons: [message] } };
  return { code: EXIT.couldNotTry, json: { ok: false, outcome: "could not try", error: message } };
}
