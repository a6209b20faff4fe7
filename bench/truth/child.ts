// One workload in a process of its own: prints what the ledger says of each job, and what was true.
import type { Socket } from "node:net";
import { trace } from "@opentelemetry/api";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { startLedger } from "../../src/telemetry/ledger/ledger.ts";
import { OwnerContextManager } from "../../src/telemetry/ledger/owner.ts";
import { connect, Recorder } from "./recorder.ts";
import { ThreadClock } from "./thread_clock.ts";
import { trueParts } from "./true_parts.ts";
import { type Work, workloads } from "./workloads.ts";

/** Jobs of each connection before those that are measured. */
const WARM_UP = 4;

const [name = "", port = "0"] = process.argv.slice(2);
const ledger = startLedger();
const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({
  spanProcessors: [ledger.spanProcessor, new SimpleSpanProcessor(exporter)],
});
provider.register({ contextManager: new OwnerContextManager(ledger) });
const tracer = trace.getTracer("truth");

const sockets: Socket[] = [];
for (let i = 0; i < 50; i++) sockets.push(await connect(Number(port)));
// What is compiled at the first use is not what is measured.
for (let i = 0; i < WARM_UP; i++) await runJobs(sockets.map(smallJob));
exporter.reset();
console.log(JSON.stringify({ jobs: await runJobs(workloads[name]!({ port: Number(port), sockets })) }));
for (const socket of sockets) socket.destroy();

function smallJob(socket: Socket): Work {
  return async (job) => {
    job.burn(0);
    await job.yield();
    await job.sleep(1);
    await job.ask(socket, 1);
  };
}

/** Runs them together. */
async function runJobs(works: Work[]) {
  const clock = new ThreadClock();
  const recorders = works.map(() => new Recorder(clock));
  const moments = await Promise.all(
    works.map((work, index) =>
      tracer.startActiveSpan(String(index), async (span) => {
        const from = clock.mark();
        ledger.beginJob(span);
        await work(recorders[index]!);
        ledger.endJob(span);
        const to = clock.mark();
        // As in a queue, where the job's result is stored first: garbage collections become known meanwhile.
        await new Promise((resolve) => setTimeout(resolve, 20));
        span.end();
        return () => clock.moments.slice(clock.moments.indexOf(from), clock.moments.indexOf(to) + 1);
      }),
    ),
  );
  return exporter.getFinishedSpans().map(({ name: index, attributes }) => {
    const measured = Object.fromEntries(
      Object.entries(attributes).map(([key, value]) => [key.replace(/^prodlike\.job\.(.*)_ms$/, "$1"), value]),
    );
    const recorded = { job: recorders[Number(index)]!, all: recorders, moments: moments[Number(index)]!() };
    return { measured, truth: trueParts(recorded) };
  });
}
