import { flushOnExit } from "../flush.ts";
import type { ProfileSettings } from "../settings.ts";
import { type Profiler, startProfiles } from "./profiles.ts";
import { ProfileUpload } from "./upload.ts";

/** Sends what the profiler sees until the process ends. */
export function profileProcess(profiler: Profiler, settings: ProfileSettings): void {
  const upload = new ProfileUpload(settings);
  const profiles = startProfiles(profiler, {
    flushIntervalMs: settings.flushIntervalMs,
    send: (taken, isLast) => upload.send(taken, isLast),
    toPost: (taken) => upload.toPost(taken),
  });
  flushOnExit([profiles]);
}
