import { shownUrl } from "../terminal/shown_values.mjs";
import { UserError } from "../terminal/user_error.ts";

/** The request that starts one job. */
export interface JobRequest {
  method: string;
  url: string;
  headers?: Record<string, string>;
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
  // The value is not repeated: address and body may hold secrets.
  if (!method || !url) throw new UserError("Cannot use JOB_REQUEST: METHOD URL JSON is wanted");
  const request = { method, url: httpUrl("JOB_REQUEST", url), body };
  if (body !== undefined) {
    try {
      JSON.parse(body);
    } catch {
      // Without the cause, whose message repeats the body.
      throw new UserError(`Cannot use JOB_REQUEST="${method} ${shownUrl(url)} ...": its body is not JSON`);
    }
  }
  return request;
}

/** @throws {UserError} when the setting `name` is no address of HTTP */
export function httpUrl(name: string, value: string): string {
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value;
  throw new UserError(`Cannot use ${name}="${shownUrl(value)}": an http:// or https:// address is wanted`);
}
