import { waitFor } from "../src/wait_for.ts";
import { type Checkout, finish, type Ran } from "./checkout.ts";

/** Starts a load that would take for ever, and calls `then` when jobs of it are under way. */
export async function interrupted(
  checkout: Checkout,
  settings: Record<string, string>,
  then: (pid: number, isPrinted: (text: RegExp) => Promise<unknown>) => unknown,
): Promise<Ran> {
  const child = checkout.start("bottlenecks", { ...settings, DURATION: "1h" });
  let printed = "";
  child.stderr!.on("data", (text) => {
    printed += text;
  });
  const ran = finish(child);
  const isPrinted = (text: RegExp) =>
    waitFor(() => text.test(printed) || child.exitCode !== null || undefined, String(text), { timeoutMs: 60_000 });
  await isPrinted(/recording .*\n\d+ s {3}\d+ done/);
  await then(child.pid!, isPrinted);
  return ran;
}
