import { showBytes } from "../figures.ts";
import { finite } from "./job_span.ts";
import { clip } from "./names.ts";
import type { NotMeasured, ReportedRun } from "./report.ts";

/** What is known of a run beside its telemetry. */
export interface RunDescription {
  run: ReportedRun;
  startMs?: number;
  endMs?: number;
  /** When its load ended; what came later is the wait for what the last jobs had left. */
  loadEndMs?: number;
  worker?: string;
  /** Jobs that a worker process runs at once, as it had sent it before the run ended. */
  concurrency?: number;
  /** How long a worker keeps a job without renewing its lock, and how often it renews it; likewise. */
  lockMs?: number;
  lockRenewMs?: number;
  /** By service, of the spans that were created in the run. */
  lostSpans: Record<string, { lost: number; created: number }>;
  /** What is missing from it. */
  notMeasured: NotMeasured[];
}

const UNKNOWN = "not known";

/**
 * What a `run.json` says, as far as it is there: runs of older versions lack fields, and anybody may have edited it. Never
 * throws.
 */
export function readDescription(json: unknown): RunDescription {
  const from = new Fields(json);
  const runtime = from.at("runtime");
  const machine = from.at("machine");
  const startMs = Date.parse(from.text("start"));
  const endMs = Date.parse(from.text("end"));
  const loadEndMs = Date.parse(from.at("load").text("end"));
  const memory = machine.number("memoryBytes");
  const sent = from.at("worker");
  const concurrency = (sent.number("concurrency") ?? 0) / (sent.number("processes") ?? 1);
  const lockMs = sent.number("lockDurationMs");
  const lockRenewMs = sent.number("lockRenewMs");
  const cpus = machine.number("cpus");
  const worker = from.at("services").text("worker");
  const cutOff = from.at("load").text("cutOff");
  const limits = readLimits(from.list("limits"));
  const ended = from.list("ended").filter((each) => typeof each === "string");
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
    lostSpans: readLostSpans(from.value("lostSpans")),
    notMeasured: from.list("notMeasured").flatMap(readNotMeasured),
    ...(Number.isFinite(startMs) ? { startMs } : {}),
    ...(Number.isFinite(endMs) ? { endMs } : {}),
    ...(Number.isFinite(loadEndMs) ? { loadEndMs } : {}),
    ...(worker ? { worker } : {}),
    ...(concurrency >= 1 ? { concurrency } : {}),
    ...(lockMs === undefined || lockMs <= 0 ? {} : { lockMs }),
    ...(lockRenewMs === undefined || lockRenewMs <= 0 ? {} : { lockRenewMs }),
  };
}

/** Rows as the stack records them. */
function readLimits(rows: unknown[]): NonNullable<ReportedRun["limits"]> {
  return rows.slice(0, 50).map((row) => {
    const limit = new Fields(row);
    return {
      name: limit.text("limit") || UNKNOWN,
      asked: limit.text("asked") || UNKNOWN,
      enforcedBy: [limit.text("enforced"), limit.text("by")].filter(Boolean).join(", by ") || UNKNOWN,
    };
  });
}

function readNotMeasured(value: unknown): NotMeasured[] {
  const from = new Fields(value);
  const [what, reason] = [from.text("what"), from.text("reason")];
  return what && reason ? [{ what, reason }] : [];
}

function readLostSpans(value: unknown): RunDescription["lostSpans"] {
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
