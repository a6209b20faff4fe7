import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, rename, symlink } from "node:fs/promises";
import { request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { createTestRoot, type TestRoot } from "../../test/review_repository.ts";
import { startTestStore, type TestStore } from "../../test/store.ts";
import { type Api, startApi } from "./api.ts";
import type { Review, ReviewJob } from "./review/review.ts";
import { openReviewQueue } from "./review_queue.ts";
import type { Service } from "./run_service.ts";
import { startWorker } from "./worker.ts";

const options = { log: pino({ level: "silent" }), signal: new AbortController().signal };

interface Application extends TestRoot {
  store: TestStore;
  api: Api;
  startWorker(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a queue store and the API; the worker when `startWorker` is called. */
async function startApplication(): Promise<Application> {
  const store = await startTestStore();
  const root = await createTestRoot({ QUEUE_URL: store.url });
  const api = await startApi(root.settings, options);
  let worker: Service | undefined;
  return {
    ...root,
    store,
    api,
    async startWorker() {
      worker = await startWorker(root.settings, options);
    },
    async close() {
      await Promise.all([api.close(), worker?.close()]);
      await Promise.all([store.close(), root.remove()]);
    },
  };
}

test("POST /reviews leads to findings on changed lines only", async () => {
  const { api, repository, startWorker, close } = await startApplication();
  try {
    const { commit } = await repository("shop");
    const base = await commit({ "cart.ts": "export const total: any = 1;\nexport const tax = 2;\n" });
    const head = await commit({
      "cart.ts": "export const total: any = 1;\nexport const tax: any = 2;\ndebugger;\n",
      "README.md": "x\n",
    });

    await startWorker();
    const response = await post(api, JSON.stringify({ repository: "shop", base, head }));
    assert.equal(response.status, 202);
    const { id, ...accepted } = (await response.json()) as { id: string };
    const self = `/reviews/${id}`;
    assert.equal(response.headers.get("location"), self);
    assert.deepEqual(accepted, { state: "waiting", repository: "shop", base, head, links: { self } });

    const { review, ...rest } = await finished(api, id);
    assert.deepEqual(rest, { id, state: "completed", attempts: 1 });
    assert.deepEqual(review, {
      repository: "shop",
      base,
      head,
      summary: {
        files: 1,
        reviewed: 1,
        skipped: {
          binary: 0,
          deleted: 0,
          nothingAdded: 0,
          notAFile: 0,
          missing: 0,
          tooLarge: 0,
          tooMany: 0,
          lintFailed: 0,
        },
        addedLines: 2,
        deletedLines: 1,
        findings: 2,
        bySeverity: { error: 2, warning: 0 },
        byRule: { "@typescript-eslint/no-explicit-any": 1, "no-debugger": 1 },
      },
      findings: [
        {
          file: "cart.ts",
          line: 2,
          column: 19,
          severity: "error",
          rule: "@typescript-eslint/no-explicit-any",
          message: "Unexpected any. Specify a different type.",
        },
        {
          file: "cart.ts",
          line: 3,
          column: 1,
          severity: "error",
          rule: "no-debugger",
          message: "Unexpected 'debugger' statement.",
        },
      ],
    });
  } finally {
    await close();
  }
});

test("POST /reviews without a body reviews the review root", async () => {
  const { api, repository, startWorker, close } = await startApplication();
  try {
    await (await repository(".")).commit({ "a.js": "debugger;\n" });
    await startWorker();
    const response = await fetch(`${api.url}/reviews`, { method: "POST" });
    const { id, repository: name } = (await response.json()) as { id: string; repository: string };
    assert.deepEqual([response.status, name], [202, "."]);
    const { review } = await finished(api, id);
    assert.deepEqual(
      review?.findings.map(({ file, line, rule }) => [file, line, rule]),
      [["a.js", 1, "no-debugger"]],
    );
  } finally {
    await close();
  }
});

test("POST /reviews answers bad input with a problem and stays up", async () => {
  const { api, path, repository, close } = await startApplication();
  try {
    const { commit } = await repository("r");
    await commit({ "sub/a.ts": "" });
    await mkdir(join(path, "plain"));
    await symlink("/etc", join(path, "link"));
    const json = JSON.stringify;
    const cases: [body: string, status: number, detail: string][] = [
      ["{", 400, "Cannot read the body: it is not a JSON object"],
      ["null", 400, "Cannot read the body: it is not a JSON object"],
      ["[]", 400, "Cannot read the body: it is not a JSON object"],
      ['{"ref": "main"}', 400, 'Cannot use field "ref": allowed are repository, base, head'],
      ['{"__proto__": "x"}', 400, 'Cannot use field "__proto__": allowed are repository, base, head'],
      ['{"head": 1}', 400, "Cannot use head: a string with at least one character is wanted"],
      ['{"base": null}', 400, "Cannot use base: a string with at least one character is wanted"],
      ['{"repository": ""}', 400, "Cannot use repository: a string with at least one character is wanted"],
      ['{"repository": "a\\u0000b"}', 400, "Cannot use repository: it holds a control character"],
      ['{"head": "a\\nb"}', 400, "Cannot use head: it holds a control character"],
      ['{"head": "--upload-pack=x"}', 400, 'Cannot use head: a revision does not begin with "-"'],
      [json({ base: "x".repeat(251) }), 400, "Cannot use base: it is longer than 250 characters"],
      [
        json({ repository: "r", head: "nope" }),
        422,
        'Cannot find head "nope": there is no such commit in the repository',
      ],
      [json({ repository: "no" }), 422, 'Cannot review "no": no such folder in REVIEW_ROOT'],
      [json({ repository: "r/../../x" }), 422, 'Cannot review "r/../../x": it is outside of REVIEW_ROOT'],
      [json({ repository: "link" }), 422, 'Cannot review "link": it is outside of REVIEW_ROOT'],
      [json({ repository: "/etc" }), 422, 'Cannot review "/etc": it is outside of REVIEW_ROOT'],
      [json({ repository: "plain" }), 422, 'Cannot review "plain": it is not the top folder of a git repository'],
      [json({ repository: "r/sub" }), 422, 'Cannot review "r/sub": it is not the top folder of a git repository'],
      [json({ head: "x".repeat(10_000_000) }), 413, "Cannot read the body: it is larger than 65536 bytes"],
    ];
    for (const [body, status, detail] of cases) {
      await assertProblem(await post(api, body), "/reviews", status, detail);
    }
    for (const headers of [
      { "Content-Type": "text/plain" },
      { "Content-Type": "application/json; charset=latin1" },
      { "Content-Type": "application/json", "Content-Encoding": "gzip" },
    ]) {
      const wanted = "Cannot read the body: Content-Type application/json without Content-Encoding is wanted";
      await assertProblem(await post(api, "{}", headers), "/reviews", 415, wanted);
    }
    assert.equal((await post(api, json({ repository: "r" }))).status, 202);
  } finally {
    await close();
  }
});

test("the API refuses what a page of another site makes a browser send", async () => {
  const { api, repository, store, close } = await startApplication();
  try {
    await (await repository(".")).commit({ "a.ts": "" });
    const { host } = new URL(api.url);
    const foreignHost = "Cannot serve the request: its Host is not localhost or 127.0.0.1, which is wanted";
    const foreignPage = "Cannot serve the request: it comes from a page of another site";
    const evil = { Origin: "https://evil.example" };
    const refused: [start: string, headers: Record<string, string>, detail: string][] = [
      ["GET /health HTTP/1.1", { Host: "evil.example" }, foreignHost],
      ["GET /health HTTP/1.0", {}, foreignHost],
      ["GET /reviews/x HTTP/1.1", { Host: `evil.example:${new URL(api.url).port}` }, foreignHost],
      ["GET /health HTTP/1.1", { Host: "127.0.0.1.evil.example" }, foreignHost],
      ["GET /health HTTP/1.1", { Host: "localhost@evil.example" }, foreignHost],
      ["GET http://evil.example/health HTTP/1.1", { Host: "evil.example" }, foreignHost],
      ["POST /reviews HTTP/1.1", { Host: "evil.example" }, foreignHost],
      ["POST /reviews HTTP/1.1", { Host: host, ...evil }, foreignPage],
      ["POST /reviews HTTP/1.1", { Host: host, Origin: "null" }, foreignPage],
      ["POST /reviews HTTP/1.1", { Host: host, Origin: "http://127.0.0.1:1" }, foreignPage],
      ["POST /reviews HTTP/1.1", { Host: host, "Sec-Fetch-Site": "cross-site" }, foreignPage],
      ["POST /reviews HTTP/1.1", { Host: host, "Sec-Fetch-Site": "same-site", Origin: `http://${host}` }, foreignPage],
    ];
    for (const [start, headers, detail] of refused) {
      const { status, type, body } = await raw(api, start, headers);
      assert.equal(status, 403, `${start} ${JSON.stringify(headers)}`);
      assert.equal(type, "application/problem+json; charset=utf-8");
      assert.equal(JSON.parse(body).detail, detail);
    }
    const { port } = new URL(api.url);
    const served: [start: string, headers: Record<string, string>, status: number][] = [
      ["GET /health HTTP/1.1", { Host: "localhost" }, 200],
      ["GET /health HTTP/1.1", { Host: `LOCALHOST:${port}` }, 200],
      ["GET /health HTTP/1.1", { Host: `[::1]:${port}` }, 200],
      ["GET /health HTTP/1.1", { Host: host, ...evil, "Sec-Fetch-Site": "cross-site" }, 200], // which that page cannot read
      ["POST /reviews HTTP/1.1", { Host: host, "Content-Length": "0", "Sec-Fetch-Site": "none" }, 202],
      ["POST /reviews HTTP/1.1", { Host: host, "Content-Length": "0", Origin: api.url }, 202],
    ];
    for (const [start, headers, status] of served) {
      const answer = await raw(api, start, headers);
      assert.equal(answer.status, status, `${start} ${JSON.stringify(headers)} ${answer.body}`);
      assert.doesNotMatch(answer.head, /access-control-allow/i);
    }
    const queue = await openReviewQueue({ url: store.url, ...options });
    assert.equal(await queue.getWaitingCount(), 2);
    await queue.close();
  } finally {
    await close();
  }
});

test("a job that somebody else put into the queue fails with its reason, once, and does nothing", async () => {
  const { api, path, store, repository, startWorker, close } = await startApplication();
  const queue = await openReviewQueue({ url: store.url, ...options });
  try {
    const { commit } = await repository("r");
    const [base, head] = [await commit({ "a.ts": "" }), await commit({ "a.ts": "debugger;\n" })];
    const good = { repository: "r", base, head };
    const target = join(path, "written");
    const noId = (field: string) =>
      `Cannot use ${field} of the job: an object id of 40 or 64 hexadecimal digits is wanted`;
    const noText = (field: string) => `Cannot use ${field} of the job: a string with at least one character is wanted`;
    const cases: [data: unknown, reason: string][] = [
      [{ ...good, base: `--output=${target}` }, 'Cannot use base of the job: a revision does not begin with "-"'],
      [{ ...good, head: `--output=${target}` }, 'Cannot use head of the job: a revision does not begin with "-"'],
      [{ ...good, base: "HEAD~1" }, noId("base")],
      [{ ...good, head: head.slice(1) }, noId("head")],
      [{ ...good, head: `${head}:a.ts` }, noId("head")],
      [{ ...good, base: `${base}\n` }, "Cannot use base of the job: it holds a control character"],
      [{ ...good, base: { toString: base } }, noText("base")],
      [{ ...good, head: [head] }, noText("head")],
      [{ repository: "r", base }, noText("head")],
      [JSON.parse(`{"repository":"r","base":"${base}","__proto__":{"head":"${head}"}}`), noText("head")],
      [{ ...good, repository: 5 }, noText("repository")],
      [{ ...good, repository: "../.." }, 'Cannot review "../..": it is outside of REVIEW_ROOT'],
      [
        { ...good, repository: "x".repeat(5_000_000) },
        "Cannot use repository of the job: it is longer than 4096 characters",
      ],
      [{}, noText("repository")],
      [5, "Cannot use the data of the job: an object is wanted"],
      [[good], "Cannot use the data of the job: an object is wanted"],
    ];
    const ids = await Promise.all(
      cases.map(async ([data], index) => {
        // As others write it: of any kind, and to be tried again and again.
        const job = await queue.add("review", data as ReviewJob, { jobId: `bad-${index}`, attempts: 5 });
        return job.id!;
      }),
    );
    await queue.add("review", { ...good, extra: "kept nowhere" } as ReviewJob, { jobId: "good" });
    await startWorker();
    for (const [index, id] of ids.entries()) {
      const [data, error] = cases[index]!;
      const attempts = error.includes("REVIEW_ROOT") ? 5 : 1; // a repository may come back
      assert.deepEqual(
        await finished(api, id),
        { id, state: "failed", attempts, error },
        JSON.stringify(data)?.slice(0, 200),
      );
    }
    const { state, review } = await finished(api, "good");
    assert.equal(state, "completed");
    assert.deepEqual(Object.keys(review ?? {}).sort(), ["base", "findings", "head", "repository", "summary"]);
    assert.equal(existsSync(target), false);
  } finally {
    await queue.close();
    await close();
  }
});

test("POST /reviews reads on after 413, for a client that sends all before it listens", {
  timeout: 30_000,
}, async () => {
  const { api, close } = await startApplication();
  try {
    const headers = { "Content-Type": "application/json" };
    const upload = request(`${api.url}/reviews`, { method: "POST", headers });
    const answered = once(upload, "response");
    upload.end(Buffer.alloc(64 * 1024 * 1024, " "));
    await once(upload, "finish");
    const [response] = await answered;
    assert.equal(response.statusCode, 413);
    response.resume();
  } finally {
    await close();
  }
});

test("POST /reviews answers 413 to an endless body of unknown length", async () => {
  const { api, close } = await startApplication();
  try {
    const headers = { "Content-Type": "application/json" };
    const status = await new Promise((resolve, reject) => {
      const upload = request(`${api.url}/reviews`, { method: "POST", headers }, (response) => {
        resolve(response.statusCode);
        upload.destroy();
      });
      upload.on("error", reject);
      const more = () => {
        while (!upload.destroyed && upload.write(" ".repeat(65_536)));
      };
      upload.on("drain", more);
      more();
    });
    assert.equal(status, 413);
    assert.equal((await fetch(`${api.url}/health`)).status, 200);
  } finally {
    await close();
  }
});

test("the API answers unknown pages and methods with a problem", async () => {
  const { api, close } = await startApplication();
  try {
    const id = "7c0c4b39-0b8c-4a4e-9d8e-3f3c3ad0b9f1";
    const pages = "Cannot find the page: there are /health, /reviews and /reviews/<id>";
    for (const [method, path, status, detail, allow] of [
      ["GET", `/reviews/${id}`, 404, `Cannot find review "${id}": unknown or removed`, null],
      ["GET", "/nowhere", 404, pages, null],
      ["GET", "/reviews", 405, "Cannot GET this page: allowed is POST", "POST"],
      ["DELETE", `/reviews/${id}`, 405, "Cannot DELETE this page: allowed is GET, HEAD", "GET, HEAD"],
      ["POST", "/health", 405, "Cannot POST this page: allowed is GET, HEAD", "GET, HEAD"],
      ["GET", "/reviews/%E0%A4%A", 400, "Cannot read the request", null],
    ] as const) {
      const response = await fetch(`${api.url}${path}`, { method });
      await assertProblem(response, path, status, detail);
      assert.equal(response.headers.get("allow"), allow);
    }
  } finally {
    await close();
  }
});

test("GET /reviews/:id tells why a review failed whose repository vanished", async () => {
  const { api, path, repository, startWorker, close } = await startApplication();
  try {
    await (await repository("r")).commit({ "a.ts": "" });
    const { id } = (await (await post(api, '{"repository": "r"}')).json()) as Answer;
    assert.deepEqual(await (await fetch(`${api.url}/reviews/${id}`)).json(), { id, state: "waiting", attempts: 0 });
    await rename(join(path, "r"), join(path, "moved"));
    await startWorker();
    const error = 'Cannot review "r": no such folder in REVIEW_ROOT';
    assert.deepEqual(await finished(api, id), { id, state: "failed", attempts: 1, error });
  } finally {
    await close();
  }
});

test("GET /reviews/:id waits for the end, the preferred time, or the end of the API", async () => {
  const { api, repository, startWorker, close } = await startApplication();
  const wait = async (id: string, seconds: string) => {
    const response = await fetch(`${api.url}/reviews/${id}`, { headers: { Prefer: `respond-async, wait=${seconds}` } });
    return { applied: response.headers.get("preference-applied"), ...((await response.json()) as Answer) };
  };
  try {
    await (await repository("r")).commit({ "a.ts": "" });
    const accept = async () => ((await (await post(api, '{"repository": "r"}')).json()) as Answer).id;
    const id = await accept();
    const { applied, state } = await wait(id, "1");
    assert.deepEqual([applied, state], ["wait=1", "waiting"]);
    assert.equal((await wait(id, "soon")).applied, null);

    // Ten at once, of which each is told of its own.
    const ids = [id, ...(await Promise.all(Array.from({ length: 9 }, accept)))];
    const waits = ids.map((each) => wait(each, "60"));
    await startWorker();
    for (const [index, answer] of (await Promise.all(waits)).entries()) {
      assert.deepEqual([answer.applied, answer.state, answer.id], ["wait=30", "completed", ids[index]]);
    }
    assert.equal((await wait(id, "60")).state, "completed");
  } finally {
    await close();
  }
});

test("close() of the API answers those who wait for an end", async () => {
  const { api, repository, close } = await startApplication();
  try {
    await (await repository("r")).commit({ "a.ts": "" });
    const { id } = (await (await post(api, '{"repository": "r"}')).json()) as Answer;
    const waiting = fetch(`${api.url}/reviews/${id}`, { headers: { Prefer: "wait=30" } });
    await sleep(200); // it has arrived
    await close();
    assert.equal(((await (await waiting).json()) as Answer).state, "waiting");
  } finally {
    await close().catch(() => {});
  }
});

test("GET /health follows the queue store down and up, and the worker goes on", async () => {
  const { api, repository, store, startWorker, close } = await startApplication();
  try {
    await (await repository("r")).commit({ "a.ts": "" });
    await startWorker();
    const health = await fetch(`${api.url}/health`);
    assert.deepEqual([health.status, await health.json()], [200, { status: "ok", store: "postgres" }]);

    await store.stop();
    for (const response of [await fetch(`${api.url}/health`), await post(api, '{"repository": "r"}')]) {
      const { pathname } = new URL(response.url);
      await assertProblem(
        response,
        pathname,
        503,
        /^Cannot reach the queue store \(postgres\): .*(ECONNREFUSED|terminat)/,
      );
    }

    await store.start();
    assert.equal((await fetch(`${api.url}/health`)).status, 200);
    const { id } = (await (await post(api, '{"repository": "r"}')).json()) as Answer;
    assert.equal((await finished(api, id)).state, "completed");
  } finally {
    await close();
  }
});

test("startApi() refuses a port that is taken", async () => {
  const { api, settings, close } = await startApplication();
  try {
    const apiPort = Number(new URL(api.url).port);
    await assert.rejects(startApi({ ...settings, apiPort }, options), {
      name: "UserError",
      message: `Cannot listen on 127.0.0.1:${apiPort}: another process has the port, another API_PORT is wanted`,
    });
  } finally {
    await close();
  }
});

async function assertProblem(response: Response, instance: string, status: number, detail: string | RegExp) {
  const { headers } = response;
  const problem = (await response.json()) as Record<string, unknown>;
  assert.deepEqual([response.status, headers.get("content-type")], [status, "application/problem+json; charset=utf-8"]);
  assert.deepEqual(Object.keys(problem), ["type", "title", "status", "detail", "instance"]);
  assert.deepEqual([problem.type, problem.status, problem.instance], ["about:blank", status, instance]);
  if (typeof detail === "string") assert.equal(problem.detail, detail);
  else assert.match(String(problem.detail), detail);
}

function post(
  api: Api,
  body: string,
  headers: Record<string, string> = { "Content-Type": "application/json" },
): Promise<Response> {
  return fetch(`${api.url}/reviews`, { method: "POST", headers, body });
}

/** Sends a request as it is given, on a socket of its own, and reads the answer to its end. */
async function raw(api: Api, start: string, headers: Record<string, string>) {
  const socket = connect(Number(new URL(api.url).port), "127.0.0.1");
  const lines = Object.entries({ ...headers, Connection: "close" }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`${start}\r\n${lines.join("")}\r\n`);
  let text = "";
  for await (const chunk of socket.setEncoding("utf8")) text += chunk;
  const [head = "", body = ""] = text.split("\r\n\r\n");
  return { status: Number(head.split(" ")[1]), type: /^content-type: (.*)$/im.exec(head)?.[1], head, body };
}

interface Answer {
  id: string;
  state: string;
  review?: Review;
  error?: string;
}

/** Asks for a review until it has ended. */
async function finished(api: Api, id: string): Promise<Answer> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const answer = (await (await fetch(`${api.url}/reviews/${id}`)).json()) as Answer;
    if (answer.state === "completed" || answer.state === "failed") return answer;
    if (Date.now() > deadline) throw new Error(`Cannot see the end of review ${id}: still ${answer.state}`);
    await sleep(50);
  }
}
