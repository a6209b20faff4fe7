import { join } from "node:path";
import { writeJson } from "../../files/json_file.ts";
import type { Config, Environment } from "../../settings/config.ts";
import { makeStackFolder, stackFiles } from "../state.ts";
import { COLLECTOR } from "./telemetry.ts";

/** The compose files of every command, relative to the checkout. */
export const FILES = ["compose/compose.yaml", "compose/compose.otel.yaml"];
/** The one that makes the worker what it is in production. */
export const PRODLIKE_FILE = "compose/compose.worker-prodlike.yaml";

/** What compose takes the values of its variables from: the settings, as the local stack would understand them. */
export function composeEnvironment(config: Config): Environment {
  const { environment, limits } = config;
  const values: Environment = {
    ...environment,
    COMPOSE_PROJECT_NAME: projectOf(config),
    REVIEW_ROOT: config.reviewRoot,
    ...(config.profiling ? { PYROSCOPE_SERVER_ADDRESS: "http://pyroscope:4040" } : {}),
    PRODLIKE_CPUS: String(limits.cpus),
    PRODLIKE_MEMORY: String(limits.memoryBytes),
  };
  const [uid, gid] = [process.getuid?.(), process.getgid?.()];
  if (uid) values.PRODLIKE_APP_USER ??= `${uid}:${gid}`; // not root
  if (uid !== undefined && !environment.PRODLIKE_TELEMETRY_DIR) {
    Object.assign(values, { PRODLIKE_UID: String(uid), PRODLIKE_GID: String(gid) });
    values.PRODLIKE_TELEMETRY_DIR = stackFiles(config).folder;
  }
  return values;
}

/** The name of the compose project. */
export function projectOf({ environment }: Config): string {
  return environment.COMPOSE_PROJECT_NAME ?? "prodlike";
}

/** The services that the configuration asks for. */
export function wantedServices(config: Config): string[] {
  if (config.onlyCollector) return [COLLECTOR];
  const services = ["api", "worker", COLLECTOR];
  if (config.queueUrl === undefined) services.push("redis");
  if (config.profiling) services.push("pyroscope");
  return services;
}

/** Writes what is set for one service alone as a third compose file, and returns its path. */
export function writeSettings(config: Config, production: Environment = {}): string {
  makeStackFolder(config);
  // The rest of OpenTelemetry's and Pyroscope's own variables, as the local stack hands them on; addresses are those of
  // the network.
  const own = /^(OTEL_(?!ENABLED$|SERVICE_NAME$|EXPORTER_OTLP_.*ENDPOINT$)|PYROSCOPE_(?!PORT$|SERVER_ADDRESS$))/;
  const shared = Object.entries(config.environment).filter(([name]) => own.test(name));
  const service = (environment: Environment) => {
    // "$$" is how compose writes "$".
    const pairs = Object.entries({ ...Object.fromEntries(shared), ...environment });
    return { environment: Object.fromEntries(pairs.map(([name, value]) => [name, value.replaceAll("$", "$$$$")])) };
  };
  const file = join(stackFiles(config).folder, "compose.settings.json");
  writeJson(file, {
    services: { api: service(config.apiEnv), worker: service({ ...production, ...config.workerEnv }) },
  });
  return file;
}
