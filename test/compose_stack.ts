import { chmodSync } from "node:fs";
import type { TestContext } from "node:test";
import { execa } from "execa";
import { freePort } from "../src/stack/ports.ts";
import { type Checkout, makeCheckout } from "./checkout.ts";

/** A checkout whose commands run containers, in a compose project of its own. */
export interface ComposeCheckout extends Checkout {
  project: string;
  /** docker, and `docker compose` with the files of this checkout. */
  docker(...args: string[]): Promise<string>;
  compose(...args: string[]): Promise<string>;
  /** What `docker inspect` says of the container of a service. */
  inspect(service: string): Promise<Inspected>;
  /** What the engine has of this project: containers, networks and volumes, by name. */
  left(): Promise<string[]>;
}

/** The fields that tests look at. */
export interface Inspected {
  Config: { User: string; Cmd: string[]; Env: string[] };
  HostConfig: { NanoCpus: number; Memory: number; ReadonlyRootfs: boolean; CapDrop: string[]; SecurityOpt: string[] };
  Image: string;
  Mounts: { Type: string; Destination: string; RW: boolean }[];
  State: { Status: string };
}

/** Runs `use` with such a checkout, and removes all that it has made. */
export async function withContainers(use: (checkout: ComposeCheckout) => Promise<void>): Promise<void> {
  const checkout = await makeCheckout();
  const project = `prodlike-test-${process.pid}-${Date.now() % 100_000}`;
  chmodSync(checkout.folder, 0o755); // the user of the containers reads it
  Object.assign(checkout.environment, {
    STACK: "compose",
    COMPOSE_PROJECT_NAME: project,
    COLLECTOR_HEALTH_PORT: String(await freePort()),
    NO_COLOR: "1",
  });
  const docker = async (...args: string[]) => (await execa("docker", args)).stdout;
  const named = async (...args: string[]) => {
    const label = `label=com.docker.compose.project=${project}`;
    return (await docker(...args, "--filter", label)).split("\n").filter(Boolean);
  };
  const ours: ComposeCheckout = {
    ...checkout,
    project,
    docker,
    async compose(...args) {
      const files = ["compose/compose.yaml", "compose/compose.otel.yaml"].flatMap((file) => ["-f", file]);
      const options = { cwd: checkout.folder, env: checkout.environment };
      return (await execa("docker", ["compose", "--project-directory", ".", ...files, ...args], options)).stdout;
    },
    inspect: async (service) => JSON.parse(await docker("inspect", `${project}-${service}-1`))[0],
    async left() {
      const format = ["--format", "{{.Name}}"];
      const [containers, networks, volumes] = await Promise.all([
        named("ps", "--all", "--format", "{{.Names}}"),
        named("network", "ls", ...format),
        named("volume", "ls", ...format),
      ]);
      return [...containers, ...networks, ...volumes];
    },
  };
  try {
    await use(ours);
  } finally {
    const ids = await named("ps", "--all", "--quiet");
    if (ids.length) await docker("rm", "--force", "--volumes", ...ids);
    for (const network of await named("network", "ls", "--quiet")) await docker("network", "rm", network);
    for (const volume of await named("volume", "ls", "--quiet")) await docker("volume", "rm", volume);
    for (const target of ["development", "production"]) {
      await execa("docker", ["image", "rm", `${project}-app:${target}`], { reject: false });
    }
    await checkout.close();
  }
}

/** Skips a test, loudly, where there is no engine with Compose. */
export async function needsDocker(t: TestContext): Promise<boolean> {
  const { exitCode, stderr } = await execa("docker", ["compose", "ls"], { reject: false });
  if (exitCode === 0) return true;
  t.skip(`SKIPPED: compose tests: ${stderr.trim().split("\n").at(-1) || "there is no docker on this machine"}`);
  return false;
}
