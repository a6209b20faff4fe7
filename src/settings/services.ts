import type { JobRequest } from "../application/application.ts";
import { UserError } from "../terminal/user_error.ts";
import type { Environment } from "./environment.ts";
import { parseJobRequests } from "./job_requests.ts";
import type { Reader } from "./reader.ts";

/** What the user says of the application's services, whatever application it is. */
export interface ServiceSettings {
  apiPort: number;
  apiService: string;
  workerService: string;
  apiEnv: Environment;
  workerEnv: Environment;
  workerConcurrency: number;
  /** `undefined`: that of the application. */
  healthUrl: string | undefined;
  /** The requests that start jobs; empty: those of the application. */
  jobRequests: JobRequest[];
}

/** @throws {UserError} naming the variable, its value and what is wanted */
export function readServiceSettings(reader: Reader): ServiceSettings {
  const { text, port, whole, assignments, httpUrl } = reader;
  const names = ["API_SERVICE", "WORKER_SERVICE"].map((name) => serviceName(name, text(name)));
  const [apiService, workerService] = names as [string, string];
  if (apiService === workerService) {
    throw new UserError(`Cannot use WORKER_SERVICE="${workerService}": API_SERVICE is the same, two names are needed`);
  }
  return {
    apiPort: port("API_PORT"),
    apiService,
    workerService,
    apiEnv: assignments("API_ENV"),
    workerEnv: assignments("WORKER_ENV"),
    workerConcurrency: whole("WORKER_CONCURRENCY", [1, 10_000]),
    healthUrl: text("HEALTH_URL") ? httpUrl("HEALTH_URL") : undefined,
    jobRequests: parseJobRequests(text("JOB_REQUEST")),
  };
}

function serviceName(name: string, value: string): string {
  // The log witness is a grep of `service.name=x` up to white space, and Pyroscope refuses other characters for ever.
  if (/^[\w.-]+$/.test(value)) return value;
  throw new UserError(`Cannot use ${name}="${value}": letters, digits, ".", "-" and "_" are wanted`);
}
