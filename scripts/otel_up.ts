import { composeAnswers } from "../src/stack/compose/cli.ts";
import { describeExit } from "../src/stack/part.ts";
import { partProgress } from "../src/stack/progress.ts";
import { openStack } from "../src/stack/stack.ts";
import { EXIT, runScript } from "../src/terminal/terminal.ts";

await runScript(async (config, { say, print, paint, signal }) => {
  const stack = openStack(config);
  if (config.stack === "local" && (await composeAnswers(config))) {
    say("Docker is there: STACK=compose runs the same in containers, with Redis and the OpenTelemetry Collector.");
  }
  for (const [part, { exit, death }] of Object.entries(await stack.status())) {
    if (exit === undefined) continue;
    say(`${part} had ended with ${describeExit(exit)}; it is started again`);
    for (const line of death ? [death.what, ...death.facts, `next:  ${death.next}`] : []) say(`  ${line}`);
    if (part === "worker" && exit?.code !== 0)
      say("  the jobs that it left are retried, once, when their locks have run out");
  }
  const started = await stack.up({ signal, say, onEvent: partProgress(say) });
  const status = Object.entries(await stack.status());
  const parts = status.filter(([, { isRunning }]) => isRunning).map(([part]) => part);
  const what = config.onlyCollector ? "The collector" : "The stack";
  print(`${what} is up${started.length === 0 ? "; nothing was changed" : ""}.`);

  const collector = `http://127.0.0.1:${config.otlpPort}`;
  const urls: Record<string, string> = { collector: `${collector}/v1/traces` };
  if (parts.includes("api")) urls.api = `http://127.0.0.1:${config.apiPort}`;
  // Of the local stack the collector itself takes profiles.
  const takesProfiles = parts.includes("pyroscope") || (config.profiling && config.stack === "local");
  const profiles = takesProfiles ? `http://127.0.0.1:${config.pyroscopePort}` : undefined;
  if (profiles) urls[config.stack === "local" ? "profiles" : "pyroscope"] = profiles;
  print();
  for (const [name, url] of Object.entries(urls)) print(`  ${name.padEnd(10)} ${paint("cyan", url)}`);
  print(`  ${"log".padEnd(10)} ${stack.logCommand}`);
  print();
  if (config.onlyCollector) {
    print("Paste these into the environment of your application:\n");
    print("  OTEL_ENABLED=true");
    // The base, which every SDK takes; ours would take it with /v1/traces too.
    print(`  OTEL_EXPORTER_OTLP_ENDPOINT=${collector}`);
    if (profiles) print(`  PROFILING=on\n  PYROSCOPE_SERVER_ADDRESS=${profiles}`);
    print();
    print(`Then see which services arrive:  ${stack.logCommand} | grep -o 'service.name=[^ ]*' | sort | uniq -c`);
  } else {
    print(`next:  make verify`);
  }
  return { code: EXIT.ok, json: { ok: true, started, parts, urls, log: stack.logCommand } };
});
