import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { Profile, Sample, StringTable, ValueType } from "pprof-format";
import { fillDisk, withSmallDisk } from "../../test/small_disk.ts";
import { send } from "../../test/started_collector.ts";
import { startCollector } from "./collector.ts";

/** A profile of one sample, with a string of that length. */
function pprof(padding = 0): Buffer {
  const strings = new StringTable();
  const sampleType = [new ValueType({ type: strings.dedup("cpu"), unit: strings.dedup("nanoseconds") })];
  strings.dedup("x".repeat(padding));
  return Buffer.from(new Profile({ sampleType, sample: [new Sample({ value: [7] })], stringTable: strings }).encode());
}

/** Runs `use` with a receiver; `stored()` lists its files. */
async function withIngest(
  use: (receiver: { url: string; folder: string; stored: () => string[] }) => Promise<void>,
  options: { folder?: string; maxBytes?: number; maxFiles?: number } = {},
): Promise<void> {
  const { folder = mkdtempSync(join(tmpdir(), "ingest-")), ...limits } = options;
  const collector = await startCollector({ folder, port: 0, profiles: { port: 0, ...limits } });
  const kept = join(folder, "profiles");
  const stored = () => readdirSync(kept, { recursive: true, encoding: "utf8" }).filter((name) => name.includes(".pb"));
  try {
    await use({ url: `${collector.profilesUrl}/ingest`, folder: kept, stored });
  } finally {
    await collector.close();
    if (!options.folder) rmSync(folder, { recursive: true });
  }
}

const now = Math.floor(Date.now() / 1_000);
const QUERY = `format=pprof&name=a{x=1}&from=${now - 10}&until=${now}`;
const post = (url: string, body: Buffer | FormData | string, headers = {}) =>
  fetch(url, { method: "POST", body, headers });

test("/ingest stores pprof, raw and as a form, gzipped or not", () =>
  withIngest(async ({ url, folder, stored }) => {
    const form = (bytes: Buffer) => {
      const data = new FormData();
      data.set("profile", new Blob([new Uint8Array(bytes)]), "profile.pprof");
      data.set("sample_type_config", new Blob(["{}"]), "config.json");
      return data;
    };
    const zipped = gzipSync(pprof());
    const headers = { "content-encoding": "gzip" };
    for (const answer of [
      await post(`${url}?${QUERY}`, pprof()),
      await post(`${url}?${QUERY}&spyName=nodespy&sampleRate=17`, zipped, {
        "content-type": "application/octet-stream",
      }),
      await post(`${url}?${QUERY.replace("format=pprof&", "")}`, form(pprof())),
      await post(`${url}?${QUERY}`, form(zipped)),
      await post(`${url}?${QUERY}`, gzipSync(zipped), headers),
    ]) {
      assert.equal(answer.status, 200);
      assert.equal(await answer.text(), "");
    }
    const window = `${(now - 10) * 1_000}-${now * 1_000}`;
    const names = ["", "-2", "-3", "-4", "-5"].map((twin) => join("a", `${window}${twin}.pb.gz`));
    assert.deepEqual(stored().sort(), names.sort());
    for (const name of names) assert.deepEqual(gunzipSync(readFileSync(join(folder, name))), pprof());
  }));

test("/ingest reads the window in s, ms, us and ns", () =>
  withIngest(async ({ url, stored }) => {
    for (const [from, until] of [
      ["", ""],
      ["000", "500"],
      ["000000", "600000"],
      ["000000000", "700000000"],
    ] as const) {
      const answer = await post(`${url}?format=pprof&name=a&from=${now}${from}&until=${now}${until}`, pprof());
      assert.equal(answer.status, 200);
    }
    const ends = stored().map((name) => Number(/-(\d+)\./.exec(name)?.[1]) - now * 1_000);
    assert.deepEqual(
      ends.sort((a, b) => a - b),
      [0, 500, 600, 700],
    );
  }));

test("/ingest answers what it does not store as Pyroscope does", () =>
  withIngest(async ({ url, stored }) => {
    const zipped = gzipSync(pprof());
    const name = (text: string) => `${url}?format=pprof&name=${encodeURIComponent(text)}`;
    const cases: [what: string, url: string, body: Buffer | string, status: number][] = [
      ["an empty body", `${url}?${QUERY}`, "", 200],
      ["an unknown format", `${url}?${QUERY.replace("pprof", "trie")}`, pprof(), 200],
      ["no format", `${url}?name=a`, pprof(), 200],
      ["a gzip that is cut off", `${url}?${QUERY}`, zipped.subarray(0, -10), 422],
      ["text", `${url}?${QUERY}`, "hello", 422],
      ["zeros", `${url}?${QUERY}`, Buffer.alloc(100), 422],
      ["pprof that is cut off", `${url}?${QUERY}`, pprof(100).subarray(0, -1), 422],
      ["one byte", `${url}?${QUERY}`, Buffer.from([0x1f]), 422],
      ["no sample type", `${url}?${QUERY}`, Buffer.from([0x32, 0x00]), 422],
      ["more than 4 MiB, inflated", `${url}?${QUERY}`, gzipSync(pprof(4 * 1024 * 1024)), 422],
      ["more than 4 MiB", `${url}?${QUERY}`, pprof(4 * 1024 * 1024), 422],
      ["more than 5 MiB", `${url}?${QUERY}`, Buffer.alloc(6 * 1024 * 1024), 422],
      ["an old profile", `${url}?format=pprof&name=a&from=${now - 3_700}&until=${now - 3_690}`, pprof(), 422],
      ["no name", `${url}?format=pprof`, pprof(), 400],
      ["a name with a space", name("a b"), pprof(), 400],
      ["a name with an @", name("a@b"), pprof(), 400],
      ["a name that is too long", name("a".repeat(201)), pprof(), 400],
    ];
    for (const [what, target, body, status] of cases) {
      const answer = await post(target, body);
      const text = await answer.text();
      assert.equal(answer.status, status, `${what}: ${text}`);
      if (status === 200) assert.equal(text, "", what);
      else assert.deepEqual(Object.keys(JSON.parse(text)), ["code", "message"], what);
    }
    const broken = { "content-type": "multipart/form-data; boundary=x" };
    assert.equal((await post(`${url}?${QUERY}`, "nothing of it", broken)).status, 422);
    assert.deepEqual(stored(), []);
  }));

test("/ingest is for programs of this machine, and no web page", () =>
  withIngest(async ({ url, stored }) => {
    const target = `${url}?${QUERY}`;
    const other = await send(target, { headers: { host: "evil.example" } }, pprof());
    assert.equal(other.statusCode, 403);
    const page = await send(target, { headers: { origin: "http://evil.example" } }, pprof());
    assert.equal(page.statusCode, 403);
    assert.equal(page.headers["access-control-allow-origin"], undefined);
    assert.equal((await fetch(target)).status, 405);
    assert.equal((await fetch(target, { method: "OPTIONS" })).status, 405);
    assert.equal((await post(target.replace("/ingest", "/v1/traces"), pprof())).status, 404);
    assert.deepEqual(stored(), []);
  }));

test("a service's name is one folder, whatever it is", () =>
  withIngest(async ({ url, folder, stored }) => {
    for (const name of ["..", "../../x", "a/b", ".hidden"]) {
      assert.equal((await post(`${url}?format=pprof&name=${name}`, pprof())).status, 200);
    }
    assert.deepEqual(readdirSync(folder).sort(), ["%2E%2E", "%2E%2E%2F..%2Fx", "%2Ehidden", "a%2Fb"]);
    assert.equal(stored().length, 4);
  }));

test("the oldest profiles go when there are too many, also those of an earlier run", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ingest-"));
  try {
    const at = (from: number) => `format=pprof&name=a&from=${now - 100 + from}&until=${now - 100 + from}`;
    const firsts = (stored: () => string[]) =>
      stored().map((name) => Number(/(\d+)-/.exec(name)?.[1]) / 1_000 - now + 100);
    await withIngest(
      async ({ url, stored }) => {
        for (const from of [5, 3, 4]) assert.equal((await post(`${url}?${at(from)}`, pprof())).status, 200);
        assert.deepEqual(firsts(stored).sort(), [3, 4]);
      },
      { folder, maxFiles: 2 },
    );
    const bytes = gzipSync(pprof()).length;
    await withIngest(
      async ({ url, stored }) => {
        assert.equal((await post(`${url}?${at(9)}`, pprof())).status, 200);
        assert.deepEqual(firsts(stored).sort(), [4, 9]);
      },
      { folder, maxBytes: 2.5 * bytes },
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("/ingest answers 503 on a full disk, keeps no half profile, and goes on when there is room", (t) =>
  withSmallDisk(t, (folder) =>
    withIngest(
      async ({ url, folder: kept }) => {
        assert.equal((await post(`${url}?${QUERY}`, pprof())).status, 200);
        const before = readdirSync(kept, { recursive: true });
        const filler = fillDisk(folder);
        assert.equal((await post(`${url}?${QUERY}`, pprof())).status, 503);
        assert.deepEqual(readdirSync(kept, { recursive: true }), before);
        rmSync(filler);
        assert.equal((await post(`${url}?${QUERY}`, pprof())).status, 200);
      },
      { folder },
    ),
  ));

test("without profiles nothing listens for them, and no folder is made", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ingest-"));
  const collector = await startCollector({ folder, port: 0 });
  try {
    assert.equal(collector.profilesUrl, undefined);
    assert.equal(existsSync(join(folder, "profiles")), false);
    assert.equal((await post(`${collector.url}/ingest?${QUERY}`, pprof())).status, 404);
  } finally {
    await collector.close();
    rmSync(folder, { recursive: true });
  }
});
