import { UserError } from "../user_error.ts";

/** The request that starts one job. */
export interface JobRequest {
  method: string;
  url: string;
  /** JSON text, sent as it is. */
  body: string | undefined;
}

/**
 * Reads JOB_REQUEST: requests as `METHOD URL JSON`, each from the beginning of a line; the JSON may go over several.
 *
 * @throws {UserError} naming the value and what is wanted
 */
export function parseJobRequests(value: string): JobRequest[] {
  return value.trim()
    ? value
        .trim()
        .split(/\n\s*(?=[A-Z]+\s+https?:)/)
        .map(jobRequest)
    : [];
}

function jobRequest(value: string): JobRequest {
  const [, method, url, body] = /^([A-Z]+)\s+(\S+)(?:\s+([\s\S]+))?$/.exec(value) ?? [];
  if (!method || !url) throw new UserError(`Cannot use JOB_REQUEST="${value}": METHOD URL JSON is wanted`);
  if (body !== undefined) {
    try {
      JSON.parse(body);
    } catch (cause) {
      throw new UserError(`Cannot use JOB_REQUEST="${value}": its body is not JSON`, { cause });
    }
  }
  return { method, url: httpUrl("JOB_REQUEST", url), body };
}

/** @throws {UserError} when the setting `name` is no address of HTTP */
export function httpUrl(name: string, value: string): string {
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value;
  throw new UserError(`Cannot use ${name}="${value}": an http:// or https:// address is wanted`);
}
