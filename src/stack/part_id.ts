import type { Origin } from "../otlp/read_points.ts";
import type { Environment } from "../settings/environment.ts";
import { PART_ID } from "../telemetry/names.ts";
import type { PartState } from "./state.ts";

/**
 * The environment in which a part's telemetry names it, whichever of its processes sends it: a launcher's pid is not that of
 * the program. What the user says of the resource stays.
 */
export function withPartId(environment: Environment, partId: string): Environment {
  const attributes = [environment.OTEL_RESOURCE_ATTRIBUTES, `${PART_ID}=${partId}`];
  return { ...environment, OTEL_RESOURCE_ATTRIBUTES: attributes.filter(Boolean).join(",") };
}

/** Whom the telemetry of a part comes from; of one in the record of an older version, that of its service. */
export function originOf({ partId, settings }: Pick<PartState, "partId" | "settings">): Origin {
  return {
    service: settings.OTEL_SERVICE_NAME ?? "",
    ...(partId === undefined ? {} : { resource: { [PART_ID]: partId } }),
  };
}
