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
  {
    name: "STACK",
    default: "local",
    help: "where the stack runs: processes here, or containers",
    allowed: ["local", "compose"],
  },
  {
    name: "RUNTIME",
    default: "node",
    help: "what runs the scripts and the parts of the local stack",
    allowed: ["node", "deno"],
  },
  {
    name: "PROFILING",
    default: "off",
    help: "profiles of the worker and the API",
    allowed: ["off", "on"],
  },
  { name: "API_PORT", default: "3001", help: "port of the API" },
  { name: "OTLP_PORT", default: "4318", help: "port of the collector, OTLP over HTTP" },
  {
    name: "COLLECTOR_HEALTH_PORT",
    default: "13133",
    help: "STACK=compose: port on which the collector says that it is ready",
  },
  { name: "PYROSCOPE_PORT", default: "4040", help: "PROFILING=on: port of Pyroscope, or of what stands in for it" },
  { name: "COMPOSE", default: "docker compose", help: "STACK=compose: the command" },
  {
    name: "QUEUE_URL",
    default: "",
    help: "a queue store of yours: redis://, rediss:// or postgres://; empty: the embedded PostgreSQL, or Redis",
  },
  { name: "WORKER_CONCURRENCY", default: "4", help: "jobs that the worker runs at once" },
  { name: "PRODLIKE_CPUS", default: "3.0", help: "CPUs of the worker in production, as 3.0 or 500m" },
  { name: "PRODLIKE_MEMORY", default: "13g", help: "its memory, as 13g, 512m or 512Mi" },
  { name: "PRODLIKE_OLD_SPACE_MB", default: "11264", help: "its --max-old-space-size of V8" },
  { name: "PRODLIKE_SEMI_SPACE_MB", default: "64", help: "its --max-semi-space-size of V8" },
  {
    name: "PRODLIKE_ENV",
    default: "NODE_ENV=production API_DEVELOPMENT_MODE=false",
    help: "its environment, KEY=value ...",
  },
  { name: "API_SERVICE", default: "prodlike-api", help: "service.name of the API" },
  { name: "WORKER_SERVICE", default: "prodlike-worker", help: "service.name of the worker" },
  { name: "API_ENV", default: "", help: "extra environment of the API, KEY=value ..., applied last" },
  { name: "WORKER_ENV", default: "", help: "extra environment of the worker, KEY=value ..., applied last" },
  { name: "HEALTH_URL", default: "", help: "what verify asks first; empty: /health of the API" },
  {
    name: "JOB_REQUEST",
    default: "",
    help: "the request that starts one job, METHOD URL JSON, or several, one a line; empty: that of the application",
  },
];

/** Arguments of one call, never read from `.env`. */
export const ARGUMENTS: readonly Setting[] = [
  { name: "JSON", default: "", help: "1: stdout is exactly one JSON object", allowed: ["1"] },
  { name: "ONLY", default: "", help: "otel-up: the collector alone", allowed: ["collector"] },
  {
    name: "APP",
    default: "",
    help: "doctor: folder or compose file of another application; stash, unstash: its folder",
  },
  { name: "JOBS", default: "", help: "bottlenecks: jobs that count; empty: 100, or what fits into DURATION" },
  { name: "RATE", default: "", help: "bottlenecks: jobs a second, whatever the worker does; empty: IN_FLIGHT at once" },
  { name: "IN_FLIGHT", default: "", help: "bottlenecks: jobs under way at once; empty: 2 x WORKER_CONCURRENCY" },
  { name: "DURATION", default: "", help: "bottlenecks: how long jobs are sent, as 30s or 2m" },
  { name: "WARMUP", default: "", help: "bottlenecks: jobs before those that count; empty: 2 x WORKER_CONCURRENCY" },
  { name: "LIMITS", default: "", help: "bottlenecks: off: the worker runs without its limits", allowed: ["off"] },
  { name: "RUN", default: "", help: "bottlenecks: a recorded run, or latest, in place of a new one" },
  { name: "LADDER", default: "", help: "sweep: concurrencies, as 1,2,4,8; empty: 1,2,4,8,16" },
  { name: "AGAINST", default: "", help: "bottlenecks: a run to compare with, or latest" },
  { name: "A", default: "", help: "compare: the run before, its id or folder" },
  { name: "B", default: "", help: "compare: the run after, or latest" },
  { name: "MAX_P95_MS", default: "", help: "bottlenecks, compare: exit 1 when a job type takes longer at p95" },
  { name: "MAX_CPU_MS", default: "", help: "bottlenecks, compare: exit 1 when a job type takes more CPU a job" },
  { name: "STASH_PATHS", default: "", help: "stash: paths to set aside; empty: those of .prodlike-stash in APP" },
  { name: "DRY", default: "", help: "1: stash only shows what it would set aside", allowed: ["1"] },
  { name: "YES", default: "", help: "1: stash asks nothing", allowed: ["1"] },
  {
    name: "PART",
    default: "start",
    help: "bench: which benchmark",
    allowed: "start collector metrics truth profile_truth tax heap stash analysis compare verdicts".split(" "),
  },
];
