import { readFileSync } from "node:fs";
import { examine } from "../src/doctor/examine.ts";
import type { Answer } from "../src/doctor/examine_apart.ts";
import { UserError } from "../src/terminal/user_error.ts";
import { visible } from "../src/terminal/visible_text.ts";

// The process of src/doctor/examine_apart.ts: what to read on stdin, one answer on stdout. A bug ends it with its stack.
function answer({ app, environment }: { app: string; environment: Record<string, string> }): Answer {
  try {
    return { examination: examine(app, environment) };
  } catch (error) {
    if (error instanceof UserError) return { error: error.message };
    // The stack is used up, or a text is longer than V8 can hold.
    if (error instanceof RangeError) return { error: `Cannot read APP="${visible(app)}": it is nested too deep` };
    throw error;
  }
}

process.stdout.write(JSON.stringify(answer(JSON.parse(readFileSync(0, "utf8")))));
