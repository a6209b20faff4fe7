import { existsSync } from "node:fs";
import { execa } from "execa";
import { stackFiles } from "../src/stack/state.ts";
import { EXIT, runScript } from "../src/terminal.ts";
import { UserError } from "../src/user_error.ts";

await runScript(async (config, { signal }) => {
  const log = stackFiles(config).collectorLog;
  if (!existsSync(log))
    throw new UserError("Cannot follow the collector's log: there is none", { next: "make otel-up" });
  // -F: goes on with the new file after a rotation. Ctrl-C is how one stops following, so it is no failure.
  await execa("tail", ["-n", "50", "-F", log], {
    stdio: ["ignore", "inherit", "ignore"],
    cancelSignal: signal,
    reject: false,
  });
  return { code: EXIT.ok, json: { ok: true, log } };
});
