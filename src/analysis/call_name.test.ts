import assert from "node:assert/strict";
import { test } from "node:test";
import { testSpan } from "../../test/example_run.ts";
import { type Attributes, SpanKind } from "../otlp/types.ts";
import { callName } from "./call_name.ts";

test("callName() names what was called, by present and by former attributes, without what differs from call to call", () => {
  const named: [string, Attributes][] = [
    [
      "GET shop.example",
      {
        "http.request.method": "GET",
        "server.address": "shop.example",
        "server.port": 443,
        "url.full": "https://shop.example/items/17?a=1",
      },
    ],
    ["GET shop.example:8080", { "http.method": "GET", "net.peer.name": "shop.example", "net.peer.port": 8080 }],
    ["POST shop.example", { "http.method": "POST", "http.url": "https://user:secret@shop.example/items/17" }],
    [
      "postgresql SELECT items",
      { "db.system.name": "postgresql", "db.operation.name": "SELECT", "db.collection.name": "items" },
    ],
    ["redis HMGET", { "db.system": "redis", "db.operation": "HMGET" }],
    ["mysql a span", { "db.system": "mysql" }],
    ["shop.Items/Get", { "rpc.system": "grpc", "rpc.service": "shop.Items", "rpc.method": "Get" }],
    ["a span", {}],
  ];
  for (const [name, attributes] of named) {
    assert.equal(callName(testSpan({ from: 1, ms: 1, name: "a span", kind: SpanKind.CLIENT, attributes })), name);
  }
  assert.equal(callName(testSpan({ from: 1, ms: 1 })), undefined);
});
