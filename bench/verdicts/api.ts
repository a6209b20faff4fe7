// The HTTP API of the verdicts benchmark, in a process of its own: `POST /<name>/<id>/<index>` enqueues a job.
const { startOtel } = await import("../../src/telemetry/start_otel.ts");
await startOtel({ serviceName: "prodlike-api" });
const { createRequire } = await import("node:module");
const { Queue } = await import("bullmq");
const { get } = await import("./steps.ts");
const { serveParent } = await import("./parent.ts");
const http: typeof import("node:http") = createRequire(import.meta.url)("node:http");

const { CALL_MS = "0", QUEUE = "", QUEUE_URL = "", SERVICE_URL = "" } = process.env;
const queue = new Queue(QUEUE, { connection: { url: QUEUE_URL } });
await queue.waitUntilReady();
const server = http.createServer(async (request, response) => {
  const [, name = "", jobId = "", index] = (request.url ?? "").split("/");
  if (Number(CALL_MS) > 0) await get(`${SERVICE_URL}/${CALL_MS}`);
  await queue.add(name, { index: Number(index) }, { jobId, attempts: 2 });
  response.writeHead(202).end();
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address() as import("node:net").AddressInfo; // of a server that listens on a port
  const close = async () => {
    server.closeAllConnections();
    server.close();
    await queue.close();
  };
  serveParent({ url: `http://127.0.0.1:${address.port}`, close });
});
