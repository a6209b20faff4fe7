import { diag } from "@opentelemetry/api";

/** Runs what is ours in the midst of the application's own work: what it throws is said, and disturbs nobody. */
export function harmless<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    diag.error("Cannot observe a queue:", error);
    return undefined;
  }
}
