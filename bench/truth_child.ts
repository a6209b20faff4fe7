// One workload in a process of its own: prints what the ledger says of each job, and what was true.
import type { Socket } from "node:net";
import { trace } from "@opentelemetry/api";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { startLedger } from "../src/telemetry/ledger.ts";
import { OwnerContextManager } from "../src/telemetry/owner.ts";
import { connect, Recorder, trueParts } from "./truth_recorder.ts";
import { workloads } from "./truth_workloads.ts";

const [name = "", port = "0"] = process.argv.slice(2);
const ledger = startLedger();
const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({
  spanProcessors: [ledger.spanProcessor, new SimpleSpanProcessor(exporter)],
});
provider.register({ contextManager: new OwnerContextManager(ledger) });
const tracer = trace.getTracer("truth");

const sockets: Socket[] = [];
for (let i = 0; i < 50; i++) {
  sockets.push(await connect(Number(port)));
  await new Recorder().ask(sockets[i]!, 1); // what is compiled at the first use is not what is measured
}
const works = workloads[name]!({ port: Number(port), sockets });
const recorders = works.map(() => new Recorder());
await Promise.all(
  works.map((work, index) =>
    tracer.startActiveSpan(String(index), async (span) => {
      const recorder = recorders[index]!;
      ledger.beginJob(span);
      await recorder.record(work);
      ledger.endJob(span);
      // As in a queue, where the job's result is stored first: garbage collections become known meanwhile.
      await new Promise((resolve) => setTimeout(resolve, 20));
      span.end();
    }),
  ),
);
const jobs = exporter.getFinishedSpans().map(({ name: index, attributes }) => {
  const measured = Object.fromEntries(
    Object.entries(attributes).map(([key, value]) => [key.replace(/^prodlike\.job\.(.*)_ms$/, "$1"), value]),
  );
  const recorder = recorders[Number(index)]!;
  return { measured, truth: trueParts(recorder, recorders), stolenMs: recorder.stolenMs };
});
console.log(JSON.stringify({ jobs }));
for (const socket of sockets) socket.destroy();
