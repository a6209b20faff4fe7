import { once } from "node:events";
import { appendFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { OtlpSpan, TracesRequest } from "../src/otlp/otlp_json.ts";
import { SpanKind, StatusCode } from "../src/otlp/types.ts";
import {
  JOB_FINAL,
  MESSAGING_DESTINATION_NAME,
  MESSAGING_MESSAGE_ID,
  MESSAGING_OPERATION_TYPE,
  MESSAGING_SYSTEM,
} from "../src/telemetry/names.ts";

/** What the application does with a job; the number counts its requests from 0. */
export type Fate = "completed" | "failed" | "refused" | "stuck" | "lost" | "none";

export interface TestApplicationOptions {
  fate?: (index: number) => Fate;
  /** Whether it knows `Prefer: wait`, and answers when the job has ended. @default {false} */
  holdsBack?: boolean;
  /** How long a job takes, in ms. @default {5} */
  jobMs?: number;
  /** It has no address for the state of a job: what becomes of it is in the spans that it appends to this file, as the collector does. */
  traces?: string;
}

/** An HTTP application that takes jobs, for tests: it keeps what it was asked. */
export interface TestApplication {
  url: string;
  /** Bodies of the requests for jobs, in the order of their arrival. */
  bodies: string[];
  /** Headers of these requests. */
  requests: IncomingMessage["headers"][];
  /** The most jobs that were under way at once. */
  mostUnderWay: number;
  /** Headers of the looks at jobs. */
  looks: IncomingMessage["headers"][];
  close(): Promise<void>;
}

export async function startTestApplication({
  fate = () => "completed",
  holdsBack = false,
  jobMs = 5,
  traces,
}: TestApplicationOptions = {}): Promise<TestApplication> {
  const jobs: { fate: Fate; ended: Promise<void>; isEnded: boolean }[] = [];
  let underWay = 0;
  const server = createServer((request, response) => void answer(request, response));

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const reply = (status: number, body: object, headers: Record<string, string> = {}) =>
      response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
    if (request.method === "POST") {
      let body = "";
      for await (const chunk of request) body += chunk;
      const index = application.bodies.push(body) - 1;
      application.requests.push(request.headers);
      const job = { fate: fate(index), ended: Promise.resolve(), isEnded: false };
      jobs.push(job);
      if (job.fate === "refused") return void reply(503, { detail: "no room" });
      application.mostUnderWay = Math.max(application.mostUnderWay, ++underWay);
      job.ended = new Promise<void>((resolve) => void (job.fate !== "stuck" && setTimeout(resolve, jobMs))).then(() => {
        underWay--;
        job.isEnded = true;
      });
      if (traces === undefined) return void reply(202, {}, { location: `/jobs/${index}` });
      const trace = new TraceWriter(traces, String(request.headers.traceparent));
      if (job.fate !== "lost") trace.request(job.fate === "none" ? undefined : String(index));
      if (job.fate === "completed" || job.fate === "failed") {
        const { fate } = job;
        void job.ended.then(() => trace.job(String(index), fate));
      }
      return void reply(202, {});
    }
    application.looks.push(request.headers);
    const id = request.url?.split("/").at(-1) ?? "";
    const job = jobs[Number(id)];
    if (!job || job.fate === "lost") return void reply(404, { detail: "unknown" });
    const isHeldBack = holdsBack && request.headers.prefer?.includes("wait=");
    if (isHeldBack) await job.ended;
    const state = job.isEnded ? job.fate : "active";
    const error = job.isEnded && job.fate === "failed" ? { error: "too large" } : {};
    reply(200, { id, state, ...error }, isHeldBack ? { "preference-applied": "wait=20" } : {});
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // a TCP server that listens
  const application: TestApplication = {
    url: `http://127.0.0.1:${port}`,
    bodies: [],
    requests: [],
    mostUnderWay: 0,
    looks: [],
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return application;
}

/** Appends spans of one request to a file. */
class TraceWriter {
  readonly #path: string;
  readonly #traceId: string;
  readonly #parentSpanId: string;

  constructor(path: string, traceparent: string) {
    this.#path = path;
    const [, traceId = "", parentSpanId = ""] = traceparent.split("-");
    this.#traceId = traceId;
    this.#parentSpanId = parentSpanId;
  }

  /** Its SERVER span, and the PRODUCER span of the job that it adds. */
  request(job: string | undefined): void {
    const server = { spanId: "a".repeat(16), parentSpanId: this.#parentSpanId, kind: SpanKind.SERVER };
    const producer = { spanId: "b".repeat(16), parentSpanId: "a".repeat(16), kind: SpanKind.PRODUCER };
    if (job !== undefined) this.#append({ ...producer, attributes: this.#of(job) });
    this.#append(server);
  }

  /** Its job span. */
  job(job: string, fate: "completed" | "failed"): void {
    const span = { spanId: "c".repeat(16), parentSpanId: "b".repeat(16), kind: SpanKind.CONSUMER };
    const final = [{ key: JOB_FINAL, value: { boolValue: true } }];
    const operation = [{ key: MESSAGING_OPERATION_TYPE, value: { stringValue: "process" } }];
    const status = fate === "failed" ? { status: { code: StatusCode.ERROR, message: "too large" } } : {};
    this.#append({ ...span, ...status, attributes: [...this.#of(job), ...operation, ...final] });
  }

  #of(job: string) {
    const values = {
      [MESSAGING_SYSTEM]: "bullmq",
      [MESSAGING_DESTINATION_NAME]: "jobs",
      [MESSAGING_MESSAGE_ID]: job,
    };
    return Object.entries(values).map(([key, stringValue]) => ({ key, value: { stringValue } }));
  }

  #append(span: Partial<OtlpSpan>): void {
    const now = `${Date.now()}000000`;
    const spans = [{ traceId: this.#traceId, startTimeUnixNano: now, endTimeUnixNano: now, status: {}, ...span }];
    const request: TracesRequest = { resourceSpans: [{ resource: {}, scopeSpans: [{ scope: {}, spans }] }] };
    appendFileSync(this.#path, `${JSON.stringify(request)}\n`);
  }
}
