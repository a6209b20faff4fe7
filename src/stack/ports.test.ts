import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { UserError } from "../terminal/user_error.ts";
import { freePort, isFree, requireFree } from "./ports.ts";

test("requireFree() names the setting and the holder of a taken port", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  try {
    assert.equal(await isFree(port), false);
    await assert.rejects(requireFree("OTLP_PORT", port), (error: UserError) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, new RegExp(`^Cannot listen on 127.0.0.1:${port} \\(OTLP_PORT\\): it is held by `));
      if (process.platform === "linux") assert.match(error.message, new RegExp(`process ${process.pid} \\(`));
      return true;
    });
  } finally {
    server.close();
  }
  await once(server, "close");
  await requireFree("OTLP_PORT", port);
});

test("freePort() returns a port that can be bound and that no kernel gives to somebody else", async () => {
  const port = await freePort();
  assert.equal(await isFree(port), true);
  assert.ok(port >= 10_000 && port < 32_768, String(port));
});
