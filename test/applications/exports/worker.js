// Writes exports: so many rows as CSV, compressed, with a checksum beside them.
const { createHash } = require("node:crypto");
const { mkdtemp, rm, writeFile } = require("node:fs/promises");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { promisify } = require("node:util");
const { gzip } = require("node:zlib");
const { Worker } = require("bullmq");
const { QUEUE, connection } = require("./queue.js");

async function writeExport({ data, attemptsMade }) {
  if (attemptsMade < data.failures) throw new Error("the disk of exports is busy");
  const lines = ["id,name,total"];
  for (let id = 1; id <= data.rows; id++) {
    const name = createHash("sha256").update(`customer ${id}`).digest("hex").slice(0, 12);
    lines.push(`${id},${name},${((id * 7_919) % 100_000) / 100}`);
  }
  const bytes = await promisify(gzip)(lines.join("\n"));
  const folder = await mkdtemp(join(tmpdir(), "exports-"));
  try {
    await writeFile(join(folder, "export.csv.gz"), bytes);
    await writeFile(join(folder, "export.sha256"), createHash("sha256").update(bytes).digest("hex"));
  } finally {
    await rm(folder, { recursive: true });
  }
  return bytes.length;
}

const worker = new Worker(QUEUE, writeExport, {
  connection,
  concurrency: Number(process.env.EXPORTS_AT_ONCE ?? 2),
  lockDuration: 20_000,
});
process.on("SIGTERM", () => worker.close());
