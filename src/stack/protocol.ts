import type { PartName } from "./state.ts";
import type { Wanted } from "./wanted.ts";

/** What a command asks of the supervisor. */
export type Request =
  | { command: "up"; wanted: Wanted; parts: PartName[] }
  /**
   * `up` when nothing runs, and only for as long as this connection stays or until an `up`; when `limited`, for as long
   * with the built worker under the production limits.
   */
  | { command: "use"; wanted: Wanted; parts: PartName[]; limited: boolean }
  /** `up`, with the built worker under the production limits in place of the one that runs. */
  | { command: "limit"; wanted: Wanted; parts: PartName[] }
  | { command: "restart"; wanted: Wanted; part: "collector" }
  | { command: "down" };

/** How it travels: one line of JSON over TCP on the loopback, with the token of the state file. */
export type SignedRequest = Request & { token: string };

/** What happens to a part. */
export interface PartEvent {
  part: PartName;
  /** `stray`: of an earlier stack that is on no record; it is ended. */
  phase: "starting" | "ready" | "stray" | "ending" | "ended" | "killed";
  /** Since the phase before, ms. */
  tookMs?: number;
}

/** How one follows what happens to parts, and gives up: what was started is then ended again. */
export interface PartsProgress {
  signal: AbortSignal;
  onEvent: (event: PartEvent) => void;
}

/** The same for a command, which can also be told something. */
export interface Progress extends PartsProgress {
  say: (line: string) => void;
}

/** The supervisor's answer: lines of JSON, the last of them a result. */
export type Answer =
  | PartEvent
  /** To `use`: the stack may be used now. */
  | { lent: true }
  /** With `ending` it has nothing left to do. */
  | (Result & { ending: boolean });

/** `done` names what was started or ended. */
export type Result = { done: PartName[] } | { failed: string; next: string | undefined; expected: boolean };
