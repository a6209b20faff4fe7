/** A process that its parent has started. */
export interface Served {
  /** Of an API. */
  url?: string;
  /** Resolves when nothing is under way: the spans of what ended have ended too. */
  idle?(): Promise<unknown>;
  close(): Promise<void>;
}

/**
 * Tells the parent that the process is ready, sends what is pending when it is asked to, and closes when it is let go: what
 * is left of the telemetry goes out then, as at any end of a process.
 */
export function serveParent({ url = "", idle, close }: Served): void {
  const flushes = process.listeners("SIGTERM");
  process.on("SIGTERM", () => {}); // with a listener of the application's own they do not end the process
  process.on("message", async () => {
    await idle?.();
    await Promise.all(flushes.map((flush) => flush("SIGTERM")));
    process.send?.("flushed");
  });
  process.once("disconnect", close);
  process.send?.({ ready: true, url });
}
