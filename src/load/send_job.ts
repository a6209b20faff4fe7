import { Buffer } from "node:buffer";
import type { JobRequest } from "../settings/job_requests.ts";
import { shownUrl } from "../terminal/shown_values.mjs";

/** A job that an application has taken. */
export interface SentJob {
  id: string;
  /** Where its state is. */
  url: string;
  state: string;
  /** Sending the request to its answer, ms. */
  requestMs: number;
}

/** The job could not be started, or nobody ended it. */
export class DriveError extends Error {
  override name = "DriveError";
}

/**
 * Starts one job by its HTTP request.
 *
 * @throws {DriveError} when the request is refused or its answer has no `Location` to follow; the signal's reason
 */
export async function sendJob(request: JobRequest, signal: AbortSignal): Promise<SentJob> {
  const began = performance.now();
  const response = await ask(request.url, signal, {
    method: request.method,
    ...(request.body === undefined ? {} : { body: request.body, headers: { "content-type": "application/json" } }),
  });
  const requestMs = performance.now() - began;
  const answer = await bodyOf(response);
  const answered = () => `${request.method} ${shownUrl(request.url)} answered ${response.status}`;
  if (!response.ok) throw new DriveError(`${answered()}: ${answer.detail ?? answer.title ?? ""}`);
  const location = response.headers.get("location");
  if (!location || !URL.canParse(location, request.url))
    throw new DriveError(`${answered()} without a Location to follow`);
  const url = new URL(location, request.url);
  const id = answer.id ?? url.pathname.split("/").at(-1);
  return { id: String(id), url: url.href, state: String(answer.state ?? "unknown"), requestMs };
}

/**
 * Sends one request; user and password of the address as basic authentication (RFC 7617).
 *
 * @throws {DriveError} when nobody answers; the signal's reason
 */
export async function ask(url: string, signal: AbortSignal, init: RequestInit = {}): Promise<Response> {
  const address = new URL(url);
  const headers = new Headers(init.headers ?? {});
  const { username, password } = address;
  if (username || password) {
    // fetch refuses them in an address, and repeats it in its error.
    const [user, secret] = [username, password].map(decoded);
    headers.set("authorization", `Basic ${Buffer.from(`${user}:${secret}`).toString("base64")}`);
    address.username = address.password = "";
  }
  try {
    return await fetch(address, { ...init, headers, signal });
  } catch (cause) {
    signal.throwIfAborted();
    const { message, cause: reason } = cause as Error & { cause?: Error };
    throw new DriveError(`${shownUrl(url)} does not answer: ${reason?.message || message}`, { cause });
  }
}

/** A part of an address without its percent-encoding, where that can be read. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The JSON object of an answer; empty when it has none. */
export async function bodyOf(response: Response): Promise<Record<string, unknown>> {
  try {
    return ((await response.json()) ?? {}) as Record<string, unknown>; // what is not an object has none of the fields
  } catch {
    return {};
  }
}
