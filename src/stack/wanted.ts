import type { Application } from "../application/application.ts";
import { chooseApplication } from "../application/choose.ts";
import type { Settings } from "../settings/settings.ts";
import type { StackSettings } from "../settings/stack.ts";

/** What a stack is to be: how it is brought up, and what is observed in it. Plain data: the supervisor is sent it as it is. */
export interface Wanted extends StackSettings {
  application: Application;
}

/** Where the local stack takes telemetry. */
export function collectorUrl({ otlpPort }: Pick<Wanted, "otlpPort">): string {
  return `http://127.0.0.1:${otlpPort}`;
}

/** What the settings ask for. */
export function wantedOf(settings: Settings): Wanted {
  return { ...settings.stack, application: chooseApplication(settings) };
}
