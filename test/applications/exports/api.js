// Takes orders for exports. Its answers say nothing by which an order could be followed.
const express = require("express");
const { Queue } = require("bullmq");
const { QUEUE, connection } = require("./queue.js");

const queue = new Queue(QUEUE, { connection });
const app = express();
app.use(express.json());

app.get("/healthz", async (_request, response) => {
  await queue.waitUntilReady();
  response.json({ ok: true });
});

app.post("/exports", async (request, response, next) => {
  try {
    const { rows, attempts = 1, failures = 0 } = request.body;
    if (!Number.isInteger(rows) || rows < 1) return response.status(422).json({ error: "rows is no number above 0" });
    await queue.add("csv", { rows, failures }, { attempts, backoff: { type: "fixed", delay: 100 } });
    response.status(202).json({ ordered: rows });
  } catch (error) {
    next(error);
  }
});

const server = app.listen(Number(process.env.PORT), "127.0.0.1");
process.on("SIGTERM", () => server.close(() => queue.close()));
