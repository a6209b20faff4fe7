import { showBytes } from "../figures.ts";
import { finite } from "./job_span.ts";
import { clip } from "./names.ts";
import type { ReportedRun } from "./report.ts";

/** What `run.json` says, as far as it is there: runs of older versions lack fields, and anybody may have edited it. */
export interface RunDescription {
  run: ReportedRun;
  startMs?: number;
  endMs?: number;
  /** When its load ended; what came later is the wait for what the last jobs had left. */
  loadEndMs?: number;
  worker?: string;
  /** Jobs that a worker process runs at once. */
  concurrency?: number;
  /** How long a worker keeps a job without renewing its lock, and how often it renews it. */
  lockMs?: number;
  lockRenewMs?: number;
  cpus?: number;
  /** By service, of the spans that were created in the run. */
  lostSpans?: Record<string, { lost: number; created: number }>;
}

const UNKNOWN = "not known";

/** Reads a run's description; never throws. */
export function readDescription(json: unknown): RunDescription {
  const from = new Fields(json);
  const runtime = from.at("runtime");
  const machine = from.at("machine");
  const startMs = Date.parse(from.text("start"));
  const endMs = Date.parse(from.text("end"));
  const loadEndMs = Date.parse(from.at("load").text("end"));
  const memory = machine.number("memoryBytes");
  const concurrency = from.number("concurrency") ?? from.at("worker").number("concurrency");
  const lockMs = from.at("worker").number("lockDurationMs");
  const lockRenewMs = from.at("worker").number("lockRenewMs");
  const cpus = machine.number("cpus");
  const worker = from.at("services").text("worker");
  const cutOff = from.text("cutOff");
  const limits = readLimits(from.list("limits"));
  const ended = from.list("ended").filter((each) => typeof each === "string");
  const lostSpans = readLostSpans(from.value("lostSpans"));
  return {
    run: {
      id: from.text("id") || UNKNOWN,
      start: from.text("start") || UNKNOWN,
      end: from.text("end") || UNKNOWN,
      gitRevision: from.text("gitRevision") || UNKNOWN,
      runtime: [runtime.text("name"), runtime.text("version")].filter(Boolean).join(" ") || UNKNOWN,
      stack: from.text("stack") || UNKNOWN,
      store: from.text("store") || UNKNOWN,
      machine:
        [
          [machine.text("platform"), machine.text("arch")].filter(Boolean).join(" "),
          cpus === undefined ? "" : `${cpus} CPUs (${machine.text("cpuModel") || UNKNOWN})`,
          memory === undefined ? "" : showBytes(memory),
        ]
          .filter(Boolean)
          .join(", ") || UNKNOWN,
      ...(cutOff ? { cutOff } : {}),
      ...(limits.length ? { limits } : {}),
      ...(ended.length ? { ended: ended.slice(0, 10).map(clip) } : {}),
    },
    lostSpans,
    ...(Number.isFinite(startMs) ? { startMs } : {}),
    ...(Number.isFinite(endMs) ? { endMs } : {}),
    ...(Number.isFinite(loadEndMs) ? { loadEndMs } : {}),
    ...(worker ? { worker } : {}),
    ...(concurrency === undefined || concurrency < 1 ? {} : { concurrency }),
    ...(lockMs === undefined || lockMs <= 0 ? {} : { lockMs }),
    ...(lockRenewMs === undefined || lockRenewMs <= 0 ? {} : { lockRenewMs }),
    ...(cpus === undefined ? {} : { cpus }),
  };
}

/** Rows as the stack records them. */
function readLimits(rows: unknown[]): NonNullable<ReportedRun["limits"]> {
  return rows.slice(0, 50).map((row) => {
    const limit = new Fields(row);
    return {
      name: limit.text("limit") || UNKNOWN,
      asked: limit.text("asked") || UNKNOWN,
      enforcedBy: limit.text("by") || limit.text("enforced") || UNKNOWN,
    };
  });
}

function readLostSpans(value: unknown): NonNullable<RunDescription["lostSpans"]> {
  const from = new Fields(value);
  const services = Object.keys(typeof value === "object" && value !== null ? value : {}).slice(0, 50);
  const counts = services.map((service) => {
    const [lost = 0, created = 0] = ["lost", "created"].map((name) => from.at(service).number(name));
    return [clip(service), { lost, created }] as const;
  });
  return Object.fromEntries(counts);
}

/** An object of which nothing is known. */
class Fields {
  readonly #fields: Record<string, unknown>;

  constructor(value: unknown) {
    this.#fields = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {}; // of any object
  }

  value(name: string): unknown {
    return Object.hasOwn(this.#fields, name) ? this.#fields[name] : undefined;
  }

  at(name: string): Fields {
    return new Fields(this.value(name));
  }

  /** A text or a number as text; empty otherwise. */
  text(name: string): string {
    const value = this.value(name);
    return typeof value === "string" ? clip(value) : (finite(value)?.toString() ?? "");
  }

  number(name: string): number | undefined {
    return finite(this.value(name));
  }

  list(name: string): unknown[] {
    const value = this.value(name);
    return Array.isArray(value) ? value : [];
  }
}
