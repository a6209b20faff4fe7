import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { FIXTURES, JSON_TYPE, oneSpan, PROTOBUF_TYPE } from "./started_collector.ts";

const MIB = 1024 * 1024;

/** A request that is sent to the real collector and to ours. */
export interface ParityCase {
  name: string;
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string | Buffer;
  differs: Difference | undefined;
}

/** A deliberate difference: its row in docs/collector.md, then the status that each answers with or a text that each logs. */
export type Difference = [row: string, real: number | string, ours: number | string];

/** A case, of a span as JSON where `request` does not say otherwise. */
export function oneCase(name: string, request: Partial<ParityCase>, differs?: Difference): ParityCase {
  const usual = { method: "POST", path: "/v1/traces", headers: JSON_TYPE, body: oneSpan("n") };
  return { ...usual, ...request, name: name.slice(0, 160), differs };
}

const plain = (body: Buffer): Buffer => body;
const recorded = FIXTURES.flatMap(({ name, signal, protobuf, sent }) =>
  Object.entries({ plain, gzip: gzipSync as typeof plain, deflate: deflateSync }).map(([encoding, encode]) => {
    const type = protobuf ? PROTOBUF_TYPE : JSON_TYPE;
    const headers = encode === plain ? type : { ...type, "content-encoding": encoding };
    const body = encode(Buffer.from(sent, protobuf ? "hex" : "utf8"));
    return oneCase(`${name}, ${type["content-type"]}, ${encoding}`, { path: `/v1/${signal}`, headers, body });
  }),
);

type Frame = (text: string) => string;
const whole: Frame = (text) => text;
const span: Frame = (fields) => `{"resourceSpans":[{"scopeSpans":[{"spans":[{${fields}}]}]}]}`;
const value: Frame = (any) => oneSpan("n", `[{"key":"k","value":${any}}]`);
const lists: Frame = (depth) => value(`${'{"arrayValue":{"values":['.repeat(+depth)}${"]}}".repeat(+depth)}`);
const metric: Frame = (fields) => `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m",${fields}}]}]}]}`;
const point: Frame = (fields) => metric(`"gauge":{"dataPoints":[{${fields}}]}`);
const histogram: Frame = (fields) => metric(`"histogram":{"dataPoints":[{${fields}}]}`);
const quantile: Frame = (fields) => metric(`"summary":{"dataPoints":[{"quantileValues":[{${fields}}]}]}`);

/** Requests in JSON: texts between `|`, each put into the frame. A character is a byte, so that one may be no UTF-8. */
function json(frame: Frame, texts: string, differs?: Difference): ParityCase[] {
  return texts.split("|").map((text) => {
    const body = frame(text.trim());
    const path = body.includes("resourceMetrics") ? "/v1/metrics" : "/v1/traces";
    return oneCase(body, { path, body: Buffer.from(body, "latin1") }, differs);
  });
}

const FAULT: Difference = ["negative number for an unsigned field, byte order mark, no UTF-8 beside a fault", 500, 400];
const DEPTH: Difference = ["lists nested thousands deep", 200, 400];
const TWICE: Difference = ["field or `oneof` given twice in JSON", 200, 400];
const LAX: Difference = [
  "text behind the JSON document, `}` for an object, control character behind an escape",
  200,
  400,
];
const NULL: Difference = ["`null` for an id or for bytes", 400, 200];
const UNKNOWN: Difference = ["unknown key that is empty, or whose number no double can hold", 400, 200];
const DOUBLE: Difference = ['double as the string `"0x1p-2"` or `"1_000"`', 200, 400];
const LOG = "log: `-0` in a summary, no UTF-8 in a list or map";

const jsons = [
  json(
    whole,
    ` |{}|{ }|[]|null|""|0|{|{"resourceSpans"}|{"resourceSpans":{}}|{'a':1}|{,}|{"a":1,}|{"resourceSpans":[]}
    |{"resourceSpans":[{}]}|{"resourceSpans":[null]}|{"resourceSpans":1}|{"resourceMetrics":null}|{"resourceMetrics":""}
    |{"resourceMetrics":[{}]}|{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{}]}]}]}`,
  ),
  json(
    span,
    `|"kind":"SPAN_KIND_SERVER"|"kind":2|"kind":null|"kind":""|"kind":9|"flags":"1"|"name":null|"name":1|"x":nul
    |"startTimeUnixNano":1544712660000000123|"start_time_unix_nano":"5"|"startTimeUnixNano":"+5"|"startTimeUnixNano":null
    |"startTimeUnixNano":""|"startTimeUnixNano":1e3|"startTimeUnixNano":"-0"|"traceId":"0AF7651916CD43DD8448EB211C80319C"
    |"traceId":"x"|"links":[{"spanId":"00"}]|"events":{}|"events":null|"status":[]|"status":{"code":"STATUS_CODE_ERROR"}
    |"status":{"code":2,"message":"x"}|"new":{"a":[1,{"b":null}]},"name":"x"|"new":-1.5E-3,"name":"x"|"name":"\xff"`,
  ),
  json(
    value,
    `null|{"intValue":"-9223372036854775808"}|{"intValue":9223372036854775808}|{"intValue":-0}|{"intValue":null}
    |{"doubleValue":NaN}|{"doubleValue":"NaN"}|{"doubleValue":Infinity}|{"doubleValue":"-Infinity"}|{"doubleValue":"-inf"}
    |{"doubleValue":null}|{"doubleValue":-0}|{"doubleValue":5e-324}|{"doubleValue":".5"}|{"doubleValue":1.}|{"unknown":1}
    |{"boolValue":"true"}|{"boolValue":null}|{"boolValue":1}|{"bytesValue":"AQI"}|{"bytesValue":"_-8="}
    |{"stringValue":"\\ud800"}|{"stringValue":null}|{"arrayValue":null}|{"kvlistValue":{"values":[null]}}`,
  ),
  json(lists, "90"),
  json(metric, '"sum":1|"sum":null|"gauge":{},"unit":null'),
  json(
    point,
    `"asDouble":"NaN"|"asDouble":"Infinity"|"asDouble":null|"asDouble":-0|"asInt":null|"asInt":"x"
    |"exemplars":[{"asInt":1},null]|"exemplars":null|"asInt":"7","time_unix_nano":1|"asInt":1,"flags":`,
  ),
  json(histogram, `"bucketCounts":["1",2],"explicitBounds":[0.5],"sum":null|"explicitBounds":["NaN"],"min":-0`),
  json(quantile, '"quantile":"0.5","value":"-inf"|"quantile":null'),
  json(whole, '\xef\xbb\xbf{}|{"\xff":x}', FAULT),
  json(span, '"flags":-1|"flags":-0', FAULT),
  json(lists, "201|2000", DEPTH),
  json(whole, '{"resourceSpans":[],"resourceSpans":[]}', TWICE),
  json(span, '"name":"a","name":"b"', TWICE),
  json(value, '{"stringValue":"a","intValue":"5"}', TWICE),
  json(whole, '{}{}|{}]|{} //|}|{"resourceSpans":[}]}', LAX),
  json(span, '"status":}|"name":"\\n\n"', LAX),
  json(span, '"traceId":null|"parentSpanId":null', NULL),
  json(value, '{"bytesValue":null}', NULL),
  json(span, '"":1|"new":1e400', UNKNOWN),
  json(value, '{"doubleValue":"0x1p-2"}|{"doubleValue":"1_000"}', DOUBLE),
  json(quantile, '"value":-0', [LOG, "q0=-0", "q0=0"]),
  json(value, '{"arrayValue":{"values":[{"stringValue":"\xff"}]}}', [LOG, '["\\ufffd"]', '["\ufffd"]']),
];

/** Requests in protobuf, in hexadecimal between blanks. */
function protobuf(texts: string, differs?: Difference): ParityCase[] {
  const bodies = texts.split(" ").map((hex) => ({ headers: PROTOBUF_TYPE, body: Buffer.from(hex, "hex") }));
  return bodies.map((request) => oneCase(request.body.toString("hex"), request, differs));
}

/** Each behind a request of one span with a name. */
const behind = (texts: string) => texts.replace(/\S+/g, "0a07120512032a016e$&");
const GROUP = "unknown group in protobuf";
const protobufs = [
  protobuf(" 00 0a 0a00 0aff 0a021200 7b 7c 0affffffffffffffffff01"),
  protobuf(behind("78ffffffffffffffffff01 78ffffffffffffffffffff01 7900 790000000000000000 7a00")),
  protobuf(behind("7a0161 7a01 7b 7d00000000 7e")),
  protobuf(behind("7b7c 7b78017c 7b7b7c7c"), [GROUP, 400, 200]),
  protobuf(behind("7b7801"), [GROUP, 200, 400]),
  protobuf(behind("808080801000"), ["field number above 2^29 - 1 in protobuf", 200, 400]),
];

const PATH = "`//v1/traces`, `/v1/tr%61ces`";
const paths = (list: string, differs?: Difference) => list.split(" ").map((path) => oneCase(path, { path }, differs));
const hosts = (list: string, differs?: Difference) =>
  list.split(" ").map((host) => oneCase(host, { headers: { ...JSON_TYPE, host } }, differs));
const requests = [
  "GET HEAD PUT DELETE OPTIONS PATCH".split(" ").map((method) => oneCase(method, { method, body: "" })),
  paths("/ /v1 /v1/logs /v1/traces/ /v1/Traces /v1/tracesx /v1development/profiles /v1/traces? /v1/metrics?a=b&c"),
  paths("//v1/traces /v1/./traces", [PATH, 307, 404]),
  paths("/v1/tr%61ces", [PATH, 200, 404]),
  hosts("127.0.0.1 localhost:1 [::1]:4318"),
  hosts("evil.example evil.example:4318 127.0.0.1.evil.example 0.0.0.0:4318", ["foreign `Host`", 200, 403]),
  oneCase("chunked", { headers: { ...JSON_TYPE, "transfer-encoding": "chunked" } }),
  oneCase("from another origin", { headers: { ...JSON_TYPE, origin: "http://evil.example" } }),
];

const types = (list: string, differs?: Difference) =>
  list.split("|").map((type) => {
    const body = type.includes("protobuf") ? "" : "{}";
    return oneCase(type, { headers: { "content-type": type }, body }, differs);
  });
const contentTypes = [
  oneCase("no content type", { headers: {} }),
  types("application/json; charset=utf-8|Application/JSON|application/json;| application/json "),
  types(
    "application/json; a=b; c=d|application/x-protobuf; charset=utf-8|application/protobuf|application/jsonx|application/json/x|*/*",
  ),
  types("|json|text/plain|application/json, text/plain"),
  types("application/json; charset|application/json; ;", ["malformed parameter in `Content-Type`", 415, 200]),
];

function encoded(encoding: string, body: string | Buffer, differs?: Difference, more = {}): ParityCase {
  const headers = { ...JSON_TYPE, "content-encoding": encoding, ...more };
  return oneCase(`${encoding}: ${body.length} bytes`, { headers, body }, differs);
}

const plainText = oneSpan("n");
const zipped = gzipSync(plainText);
const deflated = deflateSync(plainText);
const behindZip = (text: string) => Buffer.concat([zipped, Buffer.from(text)]);
const padded = (bytes: number) => Buffer.alloc(bytes, " ").fill("{}", 0, 2);
const DECODER: Difference = ["bodies in zstd, snappy, lz4", 200, 400];
/** `{}` as it is, in the frame of each format. */
const FRAMES = { zstd: "28b52ffd20021100007b7d", snappy: "02047b7d", lz4: "04224d18604082020000807b7d00000000" };
const encodings = [
  ["br", "GZIP", "x-gzip", "compress", "x".repeat(300), "gzip, gzip"].map((name) => encoded(name, zipped)),
  encoded("", plainText),
  encoded("zlib", deflated),
  ["", plainText, zipped, deflated.subarray(0, 30), deflateRawSync(plainText)].map((body) => encoded("deflate", body)),
  encoded("deflate", Buffer.concat([deflated, Buffer.from("garbage")])),
  ["", plainText, deflated, gzipSync(""), gzipSync("{"), behindZip("garbage")].map((body) => encoded("gzip", body)),
  [60, -8, -4, -1].map((end) => encoded("gzip", zipped.subarray(0, end))),
  encoded("gzip", Buffer.concat([zipped.subarray(0, -8), Buffer.alloc(8)])), // a wrong checksum
  encoded("gzip", Buffer.concat([gzipSync('{"resourceSpans"'), gzipSync(":[]}")])), // two members
  encoded("gzip", behindZip("\0\0\0"), ["zeros behind a gzip body", 400, 200]),
  encoded("gzip", gzipSync(zipped), FAULT),
  encoded("", zipped, FAULT),
  encoded("identity", plainText, ["`Content-Encoding: identity`", 400, 200]),
  Object.entries(FRAMES).map(([name, hex]) => encoded(name, Buffer.from(hex, "hex"), DECODER)),
  [20 * MIB, 20 * MIB + 1].map((bytes) => encoded("", padded(bytes))),
  [20 * MIB, 20 * MIB + 1].map((bytes) => encoded("", padded(bytes), undefined, { "transfer-encoding": "chunked" })),
  [20 * MIB, 20 * MIB + 1, 200 * MIB].map((bytes) => encoded("gzip", gzipSync(padded(bytes)))),
];

/** All cases, by group. */
export const GROUPS: Record<string, ParityCase[]> = {
  "recorded requests, plain, gzip and deflate": recorded,
  "more in JSON": jsons.flat(),
  "more in protobuf": protobufs.flat(),
  "paths, methods, hosts": requests.flat(),
  "content types": contentTypes.flat(),
  "content encodings, sizes": encodings.flat(),
};
