import type { AgentOptions } from "node:https";
import { Worker } from "node:worker_threads";
import { environmentOfThread } from "./settings.ts";

/** One HTTP request with method POST, as plain data. */
export interface Post {
  url: string;
  headers: Record<string, string>;
  body: Uint8Array;
  tls?: Pick<AgentOptions, "ca" | "cert" | "key">;
}

/**
 * Sends requests while this thread waits, at most `timeoutMs`, and returns how many were not answered with success: when a
 * process exits its event loop stands still, so another thread sends them. That one loads nothing but Node.
 */
export function postAndWait(posts: Post[], timeoutMs: number): number {
  if (posts.length === 0) return 0;
  const answered = new Int32Array(new SharedArrayBuffer(4));
  const ended = new Int32Array(new SharedArrayBuffer(4));
  const thread = new Worker(SENDER, {
    eval: true,
    workerData: { posts, answered, ended, mostAtOnce: MOST_AT_ONCE },
    execArgv: [],
    env: environmentOfThread(),
  });
  thread.on("error", () => {}); // it would come after the end of this process, but for Deno
  Atomics.wait(ended, 0, 0, timeoutMs);
  return posts.length - Atomics.load(answered, 0);
}

/** Connections of the thread to one server. */
const MOST_AT_ONCE = 16;

/** CommonJS in a text, as it has to run from TypeScript and from the built worker alike. */
const SENDER = `
  const { workerData: { posts, answered, ended, mostAtOnce } } = require("node:worker_threads");
  const agents = {};
  const send = ({ url, headers, body, tls }) => new Promise((resolve, reject) => {
    const http = require(url.startsWith("https:") ? "node:https" : "node:http");
    const agent = (agents[url] ??= new http.Agent({ ...tls, keepAlive: true, maxSockets: mostAtOnce }));
    const request = http.request(url, { method: "POST", headers, agent }, (response) => {
      if (response.statusCode < 300) Atomics.add(answered, 0, 1);
      response.resume().once("close", resolve);
    });
    request.once("error", reject).end(body);
  });
  Promise.allSettled(posts.map(send)).then(() => {
    Atomics.store(ended, 0, 1);
    Atomics.notify(ended, 0);
  });
`;
