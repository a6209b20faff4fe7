import { composeStack } from "./compose/compose.ts";
import { localStack } from "./local.ts";
import type { Stack } from "./stack.ts";
import type { Wanted } from "./wanted.ts";

/** The stack that is wanted; nothing is started. */
export function openStack(wanted: Wanted): Stack {
  return wanted.kind === "compose" ? composeStack(wanted) : localStack(wanted);
}
