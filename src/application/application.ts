/** What is observed, as data: everybody may know it, and it knows nobody. */
export interface Application {
  /** As commands and reports call it. */
  name: string;
  /** Absolute path of the folder whose git revision a run records. */
  folder: string;
  /** At most one of each role. */
  services: Service[];
  /** What its queues are kept in: the stack brings a store and says its address in a variable, or it is not the stack's affair. */
  store: { variable: string } | { name: string };
  /** Answers 200 when the API can take requests. */
  healthUrl: string;
  /** The request that makes a job. */
  request: JobRequest;
  /** The requests of a load, where that takes more than one kind. Read when a load begins; not handed to other processes. */
  requests?: () => Promise<LoadRequests>;
  /** What its compose files take from variables, beside the settings of the stack. */
  composeVariables?: Variables;
}

export type Variables = Record<string, string>;

/** `api` takes requests and adds jobs, `worker` runs them. */
export type Role = "api" | "worker";

/** One process of it. */
export interface Service {
  role: Role;
  /** Its `service.name`. */
  name: string;
  start: Command;
  /** How it is built, and how the result is started; absent: in production it is started likewise. */
  production?: { build: Command; start: Command };
  /** Laid over all that the stack sets, last of all. */
  environment: Variables;
  /**
   * How it is known to be ready: it sends "ready" over its IPC channel (`process.send`), an address answers 200, or its
   * telemetry says that its queue workers can take jobs.
   */
  ready: "message" | "telemetry" | { url: string };
  /** The port that it listens on, and the setting that says so. */
  port?: { setting: string; number: number };
  /** Jobs that it runs at once, and the variable that says so. */
  concurrency?: { variable: string; value: number };
}

/** A program, started without a shell. */
export interface Command {
  file: string;
  args: string[];
  /** As people read it. */
  shown: string;
  /** Absolute. */
  cwd: string;
  /** What it needs to be told, laid over what it inherits. */
  environment: Variables;
  /** It ignores an argument that it does not know. @default {false} */
  takesAnyArgument?: boolean;
}

/** The request that starts one job. */
export interface JobRequest {
  method: string;
  url: string;
  headers?: Variables;
  /** JSON text, sent as it is. */
  body: string | undefined;
}

/** What a load sends, and what it is, for people. */
export interface LoadRequests {
  requests: JobRequest[];
  what: string;
}

/** The names of its services by role. */
export function serviceNames({ services }: Pick<Application, "services">): Record<Role, string> {
  const nameOf = (role: Role) => services.find((service) => service.role === role)?.name ?? "";
  return { api: nameOf("api"), worker: nameOf("worker") };
}

/** The service of a role, where there is one. */
export function serviceOf({ services }: Pick<Application, "services">, role: Role): Service | undefined {
  return services.find((service) => service.role === role);
}

/** How its worker is started in production. */
export function productionCommand(application: Pick<Application, "services">): Command | undefined {
  const worker = serviceOf(application, "worker");
  return worker?.production?.start ?? worker?.start;
}
