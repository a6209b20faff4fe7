import { PART_ID } from "../telemetry/names.ts";
import { type Point, processOf } from "./read_points.ts";

/** When a process sent, Unix time in ns. */
interface Times {
  /** When it began to count, or sent first. */
  beganNs: bigint;
  /** When the newest points were collected, and those before them. */
  lastNs: bigint;
  beforeNs: bigint | undefined;
  partId: unknown;
}

const SECOND_NS = 1_000_000_000n;
/** So long a process may send nothing: a job keeps its event loop. */
const PATIENCE_NS = 15n * SECOND_NS;

/** When the processes of one service sent their points. */
export class Sending {
  readonly #times = new Map<string, Times>();

  note(point: Point): void {
    const { timeNs, startNs, resource } = point;
    const beganNs = startNs > 0n && startNs < timeNs ? startNs : timeNs;
    const first: Times = { beganNs, lastNs: timeNs, beforeNs: undefined, partId: resource[PART_ID] };
    const times = this.#times.get(processOf(point)) ?? first;
    if (beganNs < times.beganNs) times.beganNs = beganNs;
    if (timeNs > times.lastNs) Object.assign(times, { beforeNs: times.lastNs, lastNs: timeNs });
    else if (timeNs < times.lastNs && timeNs > (times.beforeNs ?? 0n)) times.beforeNs = timeNs; // was sent late
    this.#times.set(processOf(point), times);
  }

  /**
   * The processes that are alive when the last of them has sent. Each may be silent for 15 s and for two of the longest
   * intervals at which they send, but for one that was replaced. In a local stack that is each of an earlier start.
   * Elsewhere it is one that has missed a turn when another has begun after its last one: those side by side overlap.
   */
  alive(): Set<string> {
    const all = [...this.#times.values()];
    const endNs = most(all.map(({ lastNs }) => lastNs));
    const patienceNs = most([PATIENCE_NS, ...all.map((each) => 2n * intervalNs(each))]);
    const lastBeganNs = most(all.map(({ beganNs }) => beganNs));
    const [start] = all
      .filter(({ partId }) => partId !== undefined)
      .sort((one, other) => Number(other.beganNs - one.beganNs));
    const isAlive = (times: Times) => {
      const { lastNs, beforeNs, partId } = times;
      if (partId !== undefined && partId !== start?.partId) return false;
      const isFollowed = partId === undefined && beforeNs !== undefined && lastBeganNs > lastNs;
      return lastNs + (isFollowed ? intervalNs(times) : patienceNs) >= endNs;
    };
    return new Set([...this.#times].filter(([, times]) => isAlive(times)).map(([process]) => process));
  }
}

/** One that sends more often is not expected to the second. */
function intervalNs({ lastNs, beforeNs = lastNs }: Times): bigint {
  return most([SECOND_NS, lastNs - beforeNs]);
}

function most(values: bigint[]): bigint {
  return values.reduce((one, other) => (other > one ? other : one), 0n);
}
