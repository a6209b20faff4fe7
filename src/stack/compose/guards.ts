import { serviceOf } from "../../application/application.ts";
import { UserError } from "../../terminal/user_error.ts";
import { isFree, requireFree } from "../ports.ts";
import type { Wanted } from "../wanted.ts";
import type { ComposeCli, Container } from "./cli.ts";
import { PRODLIKE_FILE, projectOf } from "./settings.ts";
import { COLLECTOR } from "./telemetry.ts";

/** Label that compose gives to each container: the folder from which it was started. */
const FOLDER_LABEL = "com.docker.compose.project.working_dir";
/** The files from which it was started. */
const FILES_LABEL = "com.docker.compose.project.config_files";
/** The settings with which it was made. */
const HASH_LABEL = "com.docker.compose.config-hash";

/** The containers of the project, which must be of this checkout: compose would take over those of another. */
export async function ownContainers(wanted: Wanted, cli: ComposeCli): Promise<Container[]> {
  const containers = await cli.containers();
  const other = containers.map(({ labels }) => labels[FOLDER_LABEL]).find((folder) => folder && folder !== wanted.root);
  if (!other) return containers;
  const project = projectOf(wanted);
  const { port } = serviceOf(wanted.application, "api") ?? {};
  throw new UserError(`Cannot use the compose project "${project}": it is up from another folder, ${other}`, {
    next: `choose another name and ports, as COMPOSE_PROJECT_NAME=${project}-2 API_PORT=${(port?.number ?? 3_001) + 1} OTLP_PORT=${wanted.otlpPort + 1} COLLECTOR_HEALTH_PORT=${wanted.collectorHealthPort + 1}`,
  });
}

/** @throws {UserError} when a container runs with other settings than `cli` would give it */
export async function requireSameSettings(running: Container[], cli: ComposeCli): Promise<void> {
  if (running.length === 0) return;
  const hashes = new Map<string, string>();
  for (const line of (await cli.text(["config", "--hash", "*"])).split("\n")) {
    const [service, hash] = line.trim().split(/\s+/);
    if (service && hash) hashes.set(service, hash);
  }
  for (const { service, labels } of running) {
    if (labels[FILES_LABEL]?.includes(PRODLIKE_FILE)) continue; // it has settings of its own
    const wanted = hashes.get(service);
    if (!wanted || labels[HASH_LABEL] === wanted) continue;
    throw new UserError(`Cannot change the settings of a part that runs: the ${service} has others`, {
      next: "make otel-down, then make otel-up",
    });
  }
}

/** @throws {UserError} when a port that services will publish is taken, naming its setting and who holds it */
export async function requirePorts(wanted: Wanted, services: string[], cli: ComposeCli): Promise<void> {
  const { port } = serviceOf(wanted.application, "api") ?? {};
  const ports: Record<string, [string, number][]> = {
    api: port ? [[port.setting, port.number]] : [],
    [COLLECTOR]: [
      ["OTLP_PORT", wanted.otlpPort],
      ["COLLECTOR_HEALTH_PORT", wanted.collectorHealthPort],
    ],
    pyroscope: [["PYROSCOPE_PORT", wanted.pyroscopePort]],
  };
  for (const [name, port] of services.flatMap((service) => ports[service] ?? [])) {
    if (await isFree(port)) continue;
    const label = `{{.Names}} {{.Label "${FOLDER_LABEL}"}}`;
    const [holder] = (await cli.engine(["ps", "--filter", `publish=${port}`, "--format", label])).split("\n");
    if (!holder) {
      await requireFree(name, port);
      continue;
    }
    const [container, folder] = holder.split(" ");
    throw new UserError(
      `Cannot listen on 127.0.0.1:${port} (${name}): it is held by the container ${container}${folder ? ` of ${folder}` : ""}`,
      { next: `choose another port, as ${name}=${port + 1}, or docker stop ${container}` },
    );
  }
}
