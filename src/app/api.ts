import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import express, { type Express, type RequestHandler } from "express";
import { isFromOtherPage, isToThisMachine } from "../local_request.ts";
import { UserError } from "../terminal/user_error.ts";
import type { Log } from "./log.ts";
import { answerProblems, Problem } from "./problem.ts";
import { openRepository, openReviewRoot, type ReviewRoot } from "./review/repository.ts";
import { resolveRevisions } from "./review/revisions.ts";
import { ReviewEnds } from "./review_ends.ts";
import { openReviewEvents, openReviewQueue, type ReviewQueue, storeKind } from "./review_queue.ts";
import { readReviewRequest } from "./review_request.ts";
import type { ServiceOptions } from "./run_service.ts";
import type { SampleSettings } from "./settings.ts";
import { askStore, closeStore, reasonOf } from "./store_watch.ts";
import { within } from "./within.ts";

/** The running API. */
export interface Api {
  url: string;
  /** Takes no more requests, finishes those that run, and closes the queue. */
  close(): Promise<void>;
}

/** How long the queue store may take to add or find a job. */
const STORE_MS = 5_000;
/** How long a health check may take. */
const HEALTH_MS = 2_000;
/** How long a running request may hold up the end. */
const CLOSE_MS = 10_000;
/** The longest that a request for a review waits for its end. */
const WAIT_S = 30;

/**
 * Starts the HTTP API; port 0 takes a free one.
 *
 * @throws {UserError} when a setting is missing, the port is taken or the queue store does not answer
 */
export async function startApi(settings: SampleSettings, { log, signal }: ServiceOptions): Promise<Api> {
  const { queueUrl: url } = settings;
  if (!url) {
    throw new UserError("Cannot start the API: QUEUE_URL is not set, the address of a queue store is wanted", {
      next: "make otel-up",
    });
  }
  const root = await openReviewRoot(settings);
  const stopping = new AbortController();
  const untilStopped = AbortSignal.any([signal, stopping.signal]);
  const queue = await openReviewQueue({ url, log, signal: untilStopped });
  const ends = new ReviewEnds(() => openReviewEvents({ url, signal: untilStopped }));
  const server = createServer(routes({ queue, ends, root, store: storeKind(url), log }));
  try {
    await listen(server, settings.apiPort, settings.apiHost);
  } catch (error) {
    stopping.abort();
    await closeStore(queue);
    throw error;
  }
  const address = server.address() as AddressInfo; // a TCP server that listens
  return {
    url: `http://127.0.0.1:${address.port}`,
    async close() {
      server.keepAliveTimeout = 1; // connections that are idle after their last request go at once
      setTimeout(() => server.closeAllConnections(), CLOSE_MS).unref();
      server.close();
      const waits = ends.close();
      await once(server, "close");
      await waits;
      stopping.abort();
      await closeStore(queue);
    },
  };
}

interface Routes {
  queue: ReviewQueue;
  ends: ReviewEnds;
  root: ReviewRoot;
  store: string;
  log: Log;
}

function routes({ queue, ends, root, store, log }: Routes): Express {
  async function fromStore<T>(answer: Promise<T>): Promise<T> {
    try {
      return await within(answer, STORE_MS, "ask the queue store");
    } catch (error) {
      queue.emit("error", error as Error); // logged once, however many requests fail
      throw new Problem(503, `Cannot reach the queue store (${store}): ${reasonOf(error)}`);
    }
  }

  const app = express();
  app.disable("x-powered-by").disable("etag");
  app.use(({ headers, method }, response, next) => {
    response.set("Cache-Control", "no-store");
    if (!isToThisMachine(headers)) {
      throw new Problem(403, "Cannot serve the request: its Host is not localhost or 127.0.0.1, which is wanted");
    }
    // What it could read it is not shown: no answer allows another origin.
    if (method !== "GET" && method !== "HEAD" && isFromOtherPage(headers)) {
      throw new Problem(403, "Cannot serve the request: it comes from a page of another site");
    }
    next();
  });

  app.get("/health", async (_request, response) => {
    await fromStore(askStore(queue, HEALTH_MS));
    response.json({ status: "ok", store });
  });

  app.post("/reviews", async (request, response) => {
    const { repository: path = ".", base, head } = await readReviewRequest(request);
    const repository = await openRepository(root, path);
    const revisions = await resolveRevisions(repository, base, head);
    const id = randomUUID();
    const data = { repository: repository.name, ...revisions };
    await fromStore(queue.add("review", data, { jobId: id }));
    log.info({ review: id, ...data }, "review accepted");
    const self = `/reviews/${id}`;
    response
      .status(202)
      .location(self)
      .json({ id, state: "waiting", ...data, links: { self } });
  });

  app.get("/reviews/:id", async (request, response) => {
    const { id } = request.params;
    const waitS = Math.min(preferredWait(request.get("prefer")), WAIT_S);
    if (waitS > 0) {
      const isEnded = async () => {
        const state = await fromStore(queue.getJobState(id));
        return state === "completed" || state === "failed" || state === "unknown";
      };
      const gone = new AbortController();
      response.once("close", () => gone.abort());
      await ends.wait(id, waitS * 1_000, { isEnded, signal: gone.signal });
      if (gone.signal.aborted) return;
      response.set("Preference-Applied", `wait=${waitS}`);
    }
    const state = await fromStore(queue.getJobState(id));
    // Read after the state: a job that is completed has its result.
    const job = await fromStore(queue.getJob(id));
    if (!job) throw new Problem(404, `Cannot find review ${JSON.stringify(id.slice(0, 100))}: unknown or removed`);
    const view = { id, state, attempts: job.attemptsStarted };
    if (state === "completed") response.json({ ...view, review: job.returnvalue });
    else if (state === "failed") response.json({ ...view, error: job.failedReason });
    else response.json(view);
  });

  app.all("/health", only("GET, HEAD"));
  app.all("/reviews", only("POST"));
  app.all("/reviews/:id", only("GET, HEAD"));
  app.use(() => {
    throw new Problem(404, "Cannot find the page: there are /health, /reviews and /reviews/<id>");
  });
  app.use(answerProblems(log));
  return app;
}

/** Seconds that the client would wait for the end of the job: RFC 7240, 4.3. */
function preferredWait(prefer = ""): number {
  // Preferences are separated by commas.
  return Number(/(?:^|,)\s*wait\s*=\s*"?(\d{1,6})"?\s*(?:[,;]|$)/i.exec(prefer)?.[1] ?? 0);
}

function only(allowed: string): RequestHandler {
  return (request, response) => {
    response.set("Allow", allowed);
    throw new Problem(405, `Cannot ${request.method} this page: allowed is ${allowed}`);
  };
}

async function listen(server: Server, port: number, host: string): Promise<void> {
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const reason = code === "EADDRINUSE" ? "another process has the port" : code;
    throw new UserError(`Cannot listen on ${host}:${port}: ${reason}, another API_PORT is wanted`, { cause });
  }
}
