import { join } from "node:path";
import { readJson, writeJson } from "../files/json_file.ts";
import type { Enforcement } from "../limits/enforcement.ts";
import type { Config } from "../settings/config.ts";
import { stackFiles } from "./state.ts";

/** What holds for the worker that was limited last. */
interface LimitsRecord {
  /** Which process or container that is. */
  worker: string;
  limits: Enforcement[];
}

const fileOf = (config: Pick<Config, "home">) => join(stackFiles(config).folder, "limits.json");

/** Records what was read back of the limits of `worker`, for the runs that it does. */
export function recordLimits(config: Pick<Config, "home">, { worker, limits }: LimitsRecord): void {
  writeJson(fileOf(config), { worker, limits });
}

/** What holds for `worker`; `undefined` when nothing was recorded of it: it is not limited. */
export async function readLimits(config: Pick<Config, "home">, worker: string): Promise<Enforcement[] | undefined> {
  const isRecord = (value: object) => Array.isArray((value as Partial<LimitsRecord>).limits);
  // One that is damaged says nothing.
  const record = await readJson<LimitsRecord>(fileOf(config), isRecord).catch(() => undefined);
  return record?.worker === worker ? record.limits : undefined;
}
