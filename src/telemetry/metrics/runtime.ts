import type { Meter } from "@opentelemetry/api";
import { observeCgroup } from "./cgroup.ts";
import { observeCpu } from "./cpu.ts";
import { observeEventLoop } from "./event_loop.ts";
import { observeGc } from "./gc.ts";
import { observeMemory } from "./memory.ts";

/**
 * Reports what the runtime and the cgroup of this process do, at every collection (docs/metrics.md); returns what ends
 * it. What cannot be measured here has no data point, never a zero.
 */
export function observeRuntime(meter: Meter): () => void {
  observeCpu(meter);
  observeMemory(meter);
  observeCgroup(meter);
  const ends = [observeEventLoop(meter), observeGc(meter)];
  return () => {
    for (const end of ends) end();
  };
}
