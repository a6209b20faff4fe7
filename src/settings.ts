/** One setting: a variable that the command line, the environment or `.env` may set. An empty value counts as unset. */
export interface Setting {
  name: string;
  /** What holds when it is unset, as text; empty when that is computed or means "none". */
  default: string;
  help: string;
  allowed?: readonly string[];
}

/** All settings, in the order in which `.env.example` and `make help` show them. A test compares the three. */
export const SETTINGS: readonly Setting[] = [
  { name: "STACK", default: "local", help: "where the stack runs", allowed: ["local"] },
  {
    name: "RUNTIME",
    default: "node",
    help: "what runs the scripts and the parts of the stack",
    allowed: ["node", "deno"],
  },
  { name: "PROFILING", default: "off", help: "profiles of the worker and the API", allowed: ["off"] },
  { name: "API_PORT", default: "3001", help: "port of the API" },
  { name: "OTLP_PORT", default: "4318", help: "port of the collector, OTLP over HTTP" },
  {
    name: "QUEUE_URL",
    default: "",
    help: "a queue store of yours: redis://, rediss:// or postgres://; empty: the embedded PostgreSQL",
  },
  {
    name: "REVIEW_ROOT",
    default: "",
    help: "folder that bounds which repositories may be reviewed; empty: this checkout",
  },
  { name: "WORKER_CONCURRENCY", default: "4", help: "jobs that the worker runs at once" },
  { name: "API_SERVICE", default: "prodlike-api", help: "service.name of the API" },
  { name: "WORKER_SERVICE", default: "prodlike-worker", help: "service.name of the worker" },
  { name: "API_ENV", default: "", help: "extra environment of the API, KEY=value ..., applied last" },
  { name: "WORKER_ENV", default: "", help: "extra environment of the worker, KEY=value ..., applied last" },
  { name: "HEALTH_URL", default: "", help: "what verify asks first; empty: /health of the API" },
  {
    name: "JOB_REQUEST",
    default: "",
    help: "the request that starts one job, METHOD URL JSON; empty: a review of this checkout",
  },
];

/** Arguments of one call, never read from `.env`. */
export const ARGUMENTS: readonly Setting[] = [
  { name: "JSON", default: "", help: "1: stdout is exactly one JSON object", allowed: ["1"] },
  { name: "ONLY", default: "", help: "otel-up: the collector alone", allowed: ["collector"] },
  { name: "PART", default: "start", help: "bench: which benchmark", allowed: ["start", "collector"] },
];
