import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What the application does with a job; the number counts its requests from 0. */
export type Fate = "completed" | "failed" | "refused" | "stuck" | "lost";

export interface TestApplicationOptions {
  fate?: (index: number) => Fate;
  /** Whether it knows `Prefer: wait`, and answers when the job has ended. @default {false} */
  holdsBack?: boolean;
  /** How long a job takes, in ms. @default {5} */
  jobMs?: number;
}

/** An HTTP application that takes jobs, for tests: it keeps what it was asked. */
export interface TestApplication {
  url: string;
  /** Bodies of the requests for jobs, in the order of their arrival. */
  bodies: string[];
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
      const job = { fate: fate(index), ended: Promise.resolve(), isEnded: false };
      jobs.push(job);
      if (job.fate === "refused") return void reply(503, { detail: "no room" });
      application.mostUnderWay = Math.max(application.mostUnderWay, ++underWay);
      job.ended = new Promise<void>((resolve) => void (job.fate !== "stuck" && setTimeout(resolve, jobMs))).then(() => {
        underWay--;
        job.isEnded = true;
      });
      return void reply(202, {}, { location: `/jobs/${index}` });
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
