import { Buffer } from "node:buffer";
import type { JobRequest } from "../application/application.ts";
import { shownUrl } from "../terminal/shown_values.mjs";

/** A request for a job that an application has taken. */
export interface SentJob {
  /** Of the job; `undefined`: the answer does not tell. */
  id: string | undefined;
  /** Where the job's state is; `undefined`: the answer has no `Location`. */
  url: string | undefined;
  /** Sending the request to its answer, ms. */
  requestMs: number;
}

/** How the work of a request has ended. */
export interface JobEnd {
  /** "no job": the request has added none, or one that was there already. */
  state: "completed" | "failed" | "no job";
  /** Why it failed. */
  error?: string;
  /** When, Unix time in ms; absent: when it was seen. */
  atMs?: number;
  /** Of its first job, where telemetry tells it. */
  id?: string;
}

/** The job could not be started, or its end cannot be seen. */
export class DriveError extends Error {
  override name = "DriveError";
}

/**
 * Starts one job by its HTTP request, in the trace `traceparent`.
 *
 * @throws {DriveError} when the request is refused; the signal's reason
 */
export async function sendJob(request: JobRequest, traceparent: string, signal: AbortSignal): Promise<SentJob> {
  const began = performance.now();
  const response = await ask(request.url, signal, {
    method: request.method,
    ...(request.body === undefined ? {} : { body: request.body }),
    headers: {
      ...(request.body === undefined ? {} : { "content-type": "application/json" }),
      ...request.headers,
      traceparent,
    },
  });
  const requestMs = performance.now() - began;
  const answer = await bodyOf(response);
  if (!response.ok) {
    const answered = `${request.method} ${shownUrl(request.url)} answered ${response.status}`;
    throw new DriveError(`${answered}: ${answer.detail ?? answer.title ?? ""}`);
  }
  const location = response.headers.get("location"); // an empty one would lead to the request itself
  const url = location && URL.canParse(location, request.url) ? new URL(location, request.url) : undefined;
  const id = answer.id ?? url?.pathname.split("/").at(-1);
  return { id: id === undefined ? undefined : String(id), url: url?.href, requestMs };
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
