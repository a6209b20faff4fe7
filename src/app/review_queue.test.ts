import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Redis } from "ioredis";
import { pino } from "pino";
import { startTestRedis, startTestStore } from "../../test/store.ts";
import { UserError } from "../terminal/user_error.ts";
import { openReviewQueue, openReviewWorker } from "./review_queue.ts";

/** Opening fails with `reason`; it would be tried for a minute. */
async function assertRefused(url: string, reason: string | RegExp): Promise<void> {
  const lines: string[] = [];
  const options = {
    url,
    log: pino({}, { write: (line: string) => void lines.push(line) }),
    signal: AbortSignal.timeout(30_000), // by then it hangs
    timeoutMs: 60_000,
  };
  for (const open of [
    () => openReviewQueue(options),
    () => openReviewWorker(() => Promise.reject(), { ...options, concurrency: 1 }),
  ]) {
    await assert.rejects(open(), (error: UserError) => {
      assert.ok(error instanceof UserError, String(error));
      const [, said = ""] =
        /^Cannot use the queue store \((?:postgres|redis)\) of QUEUE_URL: (.*)$/.exec(error.message) ?? [];
      if (typeof reason === "string") assert.equal(said, reason);
      else assert.match(said, reason);
      assert.equal(error.next, "correct user, password and database in QUEUE_URL");
      assert.equal(error.cause, undefined);
      return true;
    });
  }
  assert.doesNotMatch(lines.join(), /s3cret/);
}

function changed(url: string, { user, password, path }: { user?: string; password?: string; path?: string }): string {
  const address = new URL(url);
  if (user !== undefined) address.username = user;
  if (password !== undefined) address.password = password;
  if (path !== undefined) address.pathname = path;
  return address.href;
}

test("openReviewQueue() and openReviewWorker() fail at once when PostgreSQL refuses them", async () => {
  const { url, close } = await startTestStore();
  try {
    const { username } = new URL(url);
    await assertRefused(changed(url, { password: "s3cret" }), `password authentication failed for user "${username}"`);
    await assertRefused(changed(url, { user: "nobody" }), 'password authentication failed for user "nobody"');
    await assertRefused(changed(url, { password: "" }), "a password is wanted");
    await assertRefused(changed(url, { path: "/none" }), 'database "none" does not exist');
  } finally {
    await close();
  }
});

test("openReviewQueue() and openReviewWorker() fail at once when Redis refuses them", async (t) => {
  const redis = await startTestRedis();
  if (!redis) return t.skip("no redis-server is installed");
  const { url, child } = redis;
  const client = new Redis(url);
  client.on("error", () => {}); // until it is up
  try {
    await client.acl("SETUSER", "few", "on", ">s3cret", "~*", "+ping", "+hello", "+auth");
    await client.config("SET", "requirepass", "right");
    const wrong = "WRONGPASS invalid username-password pair or user is disabled.";
    await assertRefused(changed(url, { password: "s3cret" }), wrong);
    await assertRefused(changed(url, { user: "nobody", password: "right" }), wrong);
    await assertRefused(url, "NOAUTH Authentication required.");
    await assertRefused(changed(url, { password: "right", path: "/99" }), "ERR DB index is out of range");
    await assertRefused(changed(url, { user: "few", password: "s3cret" }), /^NOPERM .*'info'/);
  } finally {
    client.disconnect();
    const ended = once(child, "exit");
    child.kill();
    await ended;
  }
});
