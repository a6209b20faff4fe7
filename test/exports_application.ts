import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Application, Command, Role, Service } from "../src/application/application.ts";
import { ROOT } from "../src/settings/environment.ts";
import { freePort } from "../src/stack/ports.ts";

/** The second application, laid down in a folder of its own with its own versions of packages. */
export interface ExportsApplication {
  application: Application;
  remove(): void;
}

/** Packages of it that are installed under other names here. */
const OTHERS = { bullmq: "bullmq5", express: "express4" };

/** Runs a program as a process of its own and hands on the signal to end, as `npm run` does. */
const LAUNCHER = '"$@" & trap "kill $!" TERM; wait $!; wait $!';

export async function layDownExports(redisUrl: string): Promise<ExportsApplication> {
  const folder = mkdtempSync(join(tmpdir(), "exports-application-"));
  cpSync(join(ROOT, "test", "applications", "exports"), folder, { recursive: true });
  const packages = join(folder, "node_modules");
  mkdirSync(packages);
  for (const name of readdirSync(join(ROOT, "node_modules"))) {
    if (!(name in OTHERS) && !name.startsWith(".")) symlinkSync(join(ROOT, "node_modules", name), join(packages, name));
  }
  // Copies: a link would be seen by the name that it leads to.
  for (const [name, installed] of Object.entries(OTHERS))
    cpSync(join(ROOT, "node_modules", installed), join(packages, name), { recursive: true });
  symlinkSync(ROOT, join(packages, "prodlike"));

  const port = await freePort();
  const start = (role: Role, environment: Record<string, string>): Command => {
    const args = [join(folder, "main.js"), role];
    const program =
      role === "worker" ? { file: "sh", args: ["-c", LAUNCHER, "sh", "node", ...args] } : { file: "node", args };
    return { ...program, shown: "main.js", cwd: folder, environment };
  };
  const service = (role: Role, ready: Service["ready"], environment: Record<string, string>): Service => {
    return { role, name: `exports-${role}`, start: start(role, environment), ready, environment: {} };
  };
  const origin = `http://127.0.0.1:${port}`;
  const health = `${origin}/healthz`;
  return {
    application: {
      name: "exports",
      folder,
      store: { name: "redis (the application's)" },
      services: [
        service("api", { url: health }, { PORT: String(port), REDIS_URL: redisUrl }),
        {
          ...service("worker", "telemetry", { REDIS_URL: redisUrl, EXPORTS_AT_ONCE: "3" }),
          concurrency: { variable: "EXPORTS_AT_ONCE", value: 3 },
        },
      ],
      healthUrl: health,
      request: { method: "POST", url: `${origin}/exports`, body: '{"rows":20000}' },
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}
