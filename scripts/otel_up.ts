import { relative } from "node:path";
import { RETRIED_WITHIN_MS } from "../src/app/job_lock.ts";
import { describeExit } from "../src/stack/part.ts";
import { partProgress } from "../src/stack/progress.ts";
import { stackUp } from "../src/stack/stack.ts";
import { readState, runningParts, stackFiles } from "../src/stack/state.ts";
import { EXIT, runScript } from "../src/terminal.ts";

await runScript(async (config, { say, paint, signal }) => {
  const before = await readState(config);
  for (const [part, { exit }] of Object.entries(before?.parts ?? {})) {
    if (exit === undefined) continue;
    say(`${part} had ended with ${describeExit(exit)}; it is started again`);
    if (part === "worker" && exit?.code !== 0)
      say(`  the jobs that it left are retried, once, within ${RETRIED_WITHIN_MS / 1_000} s`);
  }
  const started = await stackUp(config, { signal, onEvent: partProgress(say) });
  const parts = runningParts(await readState(config));
  if (started.length === 0) say("The stack is up; nothing was changed.");

  const collector = `http://127.0.0.1:${config.otlpPort}`;
  const log = relative(process.cwd(), stackFiles(config).collectorLog);
  const urls: Record<string, string> = { collector: `${collector}/v1/traces` };
  if (parts.includes("api")) urls.api = `http://127.0.0.1:${config.apiPort}`;
  say();
  for (const [name, url] of Object.entries(urls)) say(`  ${name.padEnd(10)} ${paint("cyan", url)}`);
  say(`  ${"log".padEnd(10)} ${log}`);
  say();
  if (config.onlyCollector) {
    say("Paste these into the environment of your application:\n");
    say("  OTEL_ENABLED=true");
    // The base, which every SDK takes; ours would take it with /v1/traces too.
    say(`  OTEL_EXPORTER_OTLP_ENDPOINT=${collector}\n`);
    say(`Then see which services arrive:  grep -o 'service.name=[^ ]*' ${log} | sort | uniq -c`);
  } else {
    say(`next:  make verify`);
  }
  return { code: EXIT.ok, json: { ok: true, started, parts, urls, log } };
});
