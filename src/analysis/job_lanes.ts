import type { Timeline } from "./report.ts";
import { Reservoir } from "./reservoir.ts";

interface LaneJob {
  job: string;
  process: string;
  spanId: string;
  startMs: number;
  endMs: number;
  /** When its processor had returned: the next job of its slot may start before the job span ends. */
  returnedMs: number;
  failed: boolean;
}

/** Jobs that can be drawn. */
const DRAWN = 2_000;
const MOST_LANES = 200;

/** The jobs of the timeline: all, or a random sample of them. */
export class JobLanes {
  readonly #jobs = new Reservoir<LaneJob>(DRAWN);

  add(job: LaneJob): void {
    this.#jobs.add(job);
  }

  /** The most jobs that one process was seen to run at once; too few where jobs were left out. */
  get mostAtOnce(): number {
    let most = 0;
    const running = new Map<string, number>();
    for (const { process, by } of this.#jobs.items
      .flatMap(({ process, startMs, returnedMs }) => [
        { process, atMs: startMs, by: 1 },
        { process, atMs: returnedMs, by: -1 },
      ])
      // One that ends where another starts has made room for it.
      .sort((a, b) => a.atMs - b.atMs || a.by - b.by)) {
      const now = (running.get(process) ?? 0) + by;
      running.set(process, now);
      most = Math.max(most, now);
    }
    return most;
  }

  /** Each job on the first lane that is free when it starts. */
  lanes(beginMs: number): Pick<Timeline, "lanes" | "omitted"> {
    const freeMs: number[] = [];
    const lanes: Timeline["lanes"] = [];
    for (const { job, spanId, startMs, endMs, failed } of this.#jobs.items.toSorted((a, b) => a.startMs - b.startMs)) {
      let lane = freeMs.findIndex((free) => free <= startMs);
      if (lane === -1) lane = freeMs.length;
      if (lane >= MOST_LANES) continue;
      freeMs[lane] = endMs;
      lanes.push({ lane, job, spanId, startMs: startMs - beginMs, endMs: endMs - beginMs, failed });
    }
    return { lanes, omitted: this.#jobs.seen - lanes.length };
  }
}
