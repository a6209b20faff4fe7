import { join } from "node:path";
import { type Role, serviceOf } from "../../application/application.ts";
import { writeJson } from "../../files/json_file.ts";
import type { Environment } from "../../settings/environment.ts";
import { makeStackFolder, stackFiles } from "../state.ts";
import type { Wanted } from "../wanted.ts";
import { COLLECTOR } from "./telemetry.ts";

/** The compose files of every command, relative to the checkout. */
export const FILES = ["compose/compose.yaml", "compose/compose.otel.yaml"];
/** The one that makes the worker what it is in production. */
export const PRODLIKE_FILE = "compose/compose.worker-prodlike.yaml";

/** What compose takes the values of its variables from: the settings, as the local stack would understand them. */
export function composeEnvironment(wanted: Wanted): Environment {
  const { environment, limits } = wanted;
  const values: Environment = {
    ...environment,
    COMPOSE_PROJECT_NAME: projectOf(wanted),
    ...wanted.application.composeVariables,
    ...concurrencyOf(wanted),
    ...(wanted.profiling ? { PYROSCOPE_SERVER_ADDRESS: "http://pyroscope:4040" } : {}),
    PRODLIKE_CPUS: String(limits.cpus),
    PRODLIKE_MEMORY: String(limits.memoryBytes),
  };
  const [uid, gid] = [process.getuid?.(), process.getgid?.()];
  if (uid) values.PRODLIKE_APP_USER ??= `${uid}:${gid}`; // not root
  if (uid !== undefined && !environment.PRODLIKE_TELEMETRY_DIR) {
    Object.assign(values, { PRODLIKE_UID: String(uid), PRODLIKE_GID: String(gid) });
    values.PRODLIKE_TELEMETRY_DIR = stackFiles(wanted).folder;
  }
  return values;
}

/** A sweep asks for another than the shell has. */
function concurrencyOf({ application }: Wanted): Environment {
  const { concurrency } = serviceOf(application, "worker") ?? {};
  return concurrency ? { [concurrency.variable]: String(concurrency.value) } : {};
}

/** The name of the compose project. */
export function projectOf({ environment }: Wanted): string {
  return environment.COMPOSE_PROJECT_NAME ?? "prodlike";
}

/** The services that the configuration asks for. */
export function wantedServices(wanted: Wanted): string[] {
  if (wanted.onlyCollector) return [COLLECTOR];
  const services = ["api", "worker", COLLECTOR];
  if (wanted.queueUrl === undefined) services.push("redis");
  if (wanted.profiling) services.push("pyroscope");
  return services;
}

/** Writes what is set for one service alone as a third compose file, and returns its path. */
export function writeSettings(wanted: Wanted, production: Environment = {}): string {
  makeStackFolder(wanted);
  // The rest of OpenTelemetry's and Pyroscope's own variables, as the local stack hands them on; addresses are those of
  // the network.
  const handedOn = /^(OTEL_(?!ENABLED$|SERVICE_NAME$|EXPORTER_OTLP_.*ENDPOINT$)|PYROSCOPE_(?!PORT$|SERVER_ADDRESS$))/;
  const shared = Object.entries(wanted.environment).filter(([name]) => handedOn.test(name));
  const service = (environment: Environment = {}) => {
    // "$$" is how compose writes "$".
    const pairs = Object.entries({ ...Object.fromEntries(shared), ...environment });
    return { environment: Object.fromEntries(pairs.map(([name, value]) => [name, value.replaceAll("$", "$$$$")])) };
  };
  const own = (role: Role) => serviceOf(wanted.application, role)?.environment;
  const file = join(stackFiles(wanted).folder, "compose.settings.json");
  writeJson(file, {
    services: { api: service(own("api")), worker: service({ ...production, ...own("worker") }) },
  });
  return file;
}
