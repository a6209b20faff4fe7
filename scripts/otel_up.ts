import { serviceOf } from "../src/application/application.ts";
import { composeAnswers } from "../src/stack/compose/cli.ts";
import { openStack } from "../src/stack/open_stack.ts";
import { describeExit } from "../src/stack/part.ts";
import { partProgress } from "../src/stack/progress.ts";
import { wantedOf } from "../src/stack/wanted.ts";
import { EXIT, runScript } from "../src/terminal/terminal.ts";

await runScript(async (settings, { say, print, paint, signal }) => {
  const wanted = wantedOf(settings);
  const stack = openStack(wanted);
  if (wanted.kind === "local" && (await composeAnswers(wanted))) {
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
  const what = wanted.onlyCollector ? "The collector" : "The stack";
  print(`${what} is up${started.length === 0 ? "; nothing was changed" : ""}.`);

  const collector = `http://127.0.0.1:${wanted.otlpPort}`;
  const urls: Record<string, string> = { collector: `${collector}/v1/traces` };
  const { port } = serviceOf(wanted.application, "api") ?? {};
  if (port && parts.includes("api")) urls.api = `http://127.0.0.1:${port.number}`;
  // Of the local stack the collector itself takes profiles.
  const takesProfiles = parts.includes("pyroscope") || (wanted.profiling && wanted.kind === "local");
  const profiles = takesProfiles ? `http://127.0.0.1:${wanted.pyroscopePort}` : undefined;
  if (profiles) urls[wanted.kind === "local" ? "profiles" : "pyroscope"] = profiles;
  print();
  for (const [name, url] of Object.entries(urls)) print(`  ${name.padEnd(10)} ${paint("cyan", url)}`);
  print(`  ${"log".padEnd(10)} ${stack.logCommand}`);
  print();
  if (wanted.onlyCollector) {
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
