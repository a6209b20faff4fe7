import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** A time, Unix time in ms. */
export interface Window {
  fromMs: number;
  untilMs: number;
}

/** A stored profile, `<service>/<from>-<until>.pb.gz`. */
export interface ProfileFile extends Window {
  service: string;
  path: string;
}

/** The profiles in a folder whose windows overlap with `window`, the oldest first. */
export function profilesIn(folder: string, window: Window): ProfileFile[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).flatMap((service) =>
    readdirSync(join(folder, service)).flatMap((name): ProfileFile[] => {
      // Both ends of its window; a number behind them when there are several.
      const [, from, until] = /^(\d+)-(\d+)(?:-\d+)?\.pb\.gz$/.exec(name) ?? [];
      const times = { fromMs: Number(from), untilMs: Number(until) };
      if (!from || times.fromMs > window.untilMs || times.untilMs < window.fromMs) return [];
      return [{ service: decodeURIComponent(service), path: join(folder, service, name), ...times }];
    }),
  );
  return files.sort((a, b) => a.fromMs - b.fromMs);
}
