import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { ROOT } from "../src/settings/environment.ts";
import { entryCommand, type Runtime } from "../src/settings/runtime.ts";

/** Starts a process that runs `program`, a module, after the two calls that every entry begins with. */
export function startProgram(program: string, environment: Record<string, string>, runtime: Runtime): ChildProcess {
  const telemetry = JSON.stringify(join(ROOT, "src", "telemetry"));
  const source = `
    const { initPyroscope } = await import(${telemetry} + "/init_pyroscope.ts");
    await initPyroscope({ appName: "test" });
    const { startOtel } = await import(${telemetry} + "/start_otel.ts");
    await startOtel({ serviceName: "test-service" });
    ${program}`;
  const { file, args } = entryCommand("-", runtime); // from stdin
  const child = spawn(file, [...(runtime === "node" ? ["--input-type=module"] : []), ...args], {
    cwd: ROOT,
    env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", ...environment },
  });
  child.stdin.end(source);
  return child;
}
