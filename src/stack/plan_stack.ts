import { serviceOf } from "../application/application.ts";
import type { Limits } from "../settings/limits.ts";
import { type PartPlan, planCollector, planLimitedWorker, planPostgres, planService } from "./plan.ts";
import { planStore } from "./postgres.ts";
import { type PartName, stackFiles } from "./state.ts";
import type { Wanted } from "./wanted.ts";

/** The plans of several parts, in the order in which they can be started. */
export interface StackPlan {
  plans: PartPlan[];
  /** The address of the queue store; `undefined`: the application has its own. */
  queueUrl: string | undefined;
  /** The folder of the embedded one, when it is among them. */
  storeFolder: string | undefined;
}

/** Plans the parts `names`; `storeRuns`: the embedded queue store runs already. */
export async function planStack(wanted: Wanted, names: PartName[], storeRuns: boolean): Promise<StackPlan> {
  const files = stackFiles(wanted);
  const store = names.includes("postgres")
    ? await planStore(files.postgres, files.folder, { running: storeRuns })
    : undefined;
  const queueUrl = store?.url ?? wanted.queueUrl;
  const services = wanted.application.services.filter(({ role }) => names.includes(role));
  const plans = [
    ...(store ? [planPostgres(wanted, store)] : []),
    ...(names.includes("collector") ? [planCollector(wanted)] : []),
    ...services.map((service) => planService(service, wanted, queueUrl)),
  ];
  return { plans, queueUrl, storeFolder: store?.cwd };
}

/** The plan of one part, by what would be asked now; `limits`: those that the worker is under. */
export function planPart(name: PartName, wanted: Wanted, limits?: Limits): PartPlan | undefined {
  if (name === "collector") return planCollector(wanted);
  const service = name === "postgres" ? undefined : serviceOf(wanted.application, name);
  if (!service) return undefined;
  const { queueUrl } = wanted;
  return limits ? planLimitedWorker(service, { ...wanted, limits }, queueUrl) : planService(service, wanted, queueUrl);
}
