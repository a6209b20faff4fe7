import { join } from "node:path";
import { readJson, writeJson } from "../files/json_file.ts";
import type { Enforcement } from "../limits/enforcement.ts";
import type { Checkout } from "../settings/stack.ts";
import { stackFiles } from "./state.ts";

/** What holds for the worker that was limited last. */
interface LimitsRecord {
  /** Which process or container that is. */
  worker: string;
  limits: Enforcement[];
}

const fileOf = (checkout: Pick<Checkout, "home">) => join(stackFiles(checkout).folder, "limits.json");

/** Records what was read back of the limits of `worker`, for the runs that it does. */
export function recordLimits(checkout: Pick<Checkout, "home">, { worker, limits }: LimitsRecord): void {
  writeJson(fileOf(checkout), { worker, limits });
}

/** What holds for `worker`; `undefined` when nothing was recorded of it: it is not limited. */
export async function readLimits(checkout: Pick<Checkout, "home">, worker: string): Promise<Enforcement[] | undefined> {
  const isRecord = (value: object) => Array.isArray((value as Partial<LimitsRecord>).limits);
  // One that is damaged says nothing.
  const record = await readJson<LimitsRecord>(fileOf(checkout), isRecord).catch(() => undefined);
  return record?.worker === worker ? record.limits : undefined;
}
