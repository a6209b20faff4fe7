import { STATUS_CODES } from "node:http";
import type { ErrorRequestHandler, Request, Response } from "express";
import { UserError } from "../terminal/user_error.ts";
import type { Log } from "./log.ts";

/** A request that cannot be served: the status and the reason that the client gets. */
export class Problem extends Error {
  override name = "Problem";
  status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

/**
 * Answers every error as `application/problem+json` (RFC 9457). A `UserError` is 422; an error that nobody expected is
 * logged with its stack, and the client learns nothing about it.
 */
export function answerProblems(log: Log): ErrorRequestHandler {
  // Four parameters, although the last is unused: Express recognises an error handler by their number.
  return (error, request, response, _next) => {
    const { status, message } = asProblem(error);
    if (status === 500) log.error({ err: error, path: request.path }, message);
    if (error instanceof UserError && error.cause) log.warn({ err: error }, "review refused");
    // Its head is sent: the answer cannot be changed any more.
    if (response.headersSent) response.destroy();
    else sendProblem(request, response, status, message);
  };
}

function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof UserError) return new Problem(422, error.message);
  // What Express refuses, a bad percent-encoding for example.
  const { status = 500 } = error as { status?: number };
  if (status < 500) return new Problem(status, "Cannot read the request");
  return new Problem(500, "Cannot serve the request: an unexpected error, the log of the API has its details");
}

function sendProblem(request: Request, response: Response, status: number, detail: string): void {
  const problem = { type: "about:blank", title: STATUS_CODES[status], status, detail, instance: request.path };
  response.status(status).type("application/problem+json").send(JSON.stringify(problem));
}
