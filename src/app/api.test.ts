import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, rename, symlink } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { startTestStore, type TestStore } from "../../test/store.ts";
import { type Api, startApi } from "./api.ts";
import type { Review } from "./review/review.ts";
import { createTestRoot, type TestRoot } from "./review/test_repository.ts";
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
  const api = await startApi(root.config, options);
  let worker: Service | undefined;
  return {
    ...root,
    store,
    api,
    async startWorker() {
      worker = await startWorker(root.config, options);
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
  const { api, config, close } = await startApplication();
  try {
    const apiPort = Number(new URL(api.url).port);
    await assert.rejects(startApi({ ...config, apiPort }, options), {
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
