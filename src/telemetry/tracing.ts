import { register } from "node:module";
import { hostname } from "node:os";
import { DiagLogLevel, diag, type TextMapPropagator } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  CompositePropagator,
  globalErrorHandler,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} from "@opentelemetry/core";
import { registerInstrumentations } from "@opentelemetry/instrumentation";
import { ExpressInstrumentation, ExpressLayerType } from "@opentelemetry/instrumentation-express";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { PinoInstrumentation } from "@opentelemetry/instrumentation-pino";
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from "@opentelemetry/resources";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { flushOnExit, type Pending } from "./flush.ts";
import { startLedger } from "./ledger/ledger.ts";
import { OWNER, OwnerContextManager } from "./ledger/owner.ts";
import { observeActiveJobs } from "./metrics/active_jobs.ts";
import { createMeterProvider } from "./metrics/meter_provider.ts";
import { observeRuntime } from "./metrics/runtime.ts";
import { WorkerFacts } from "./metrics/worker_facts.ts";
import * as names from "./names.ts";
import { onceAMinute } from "./problems.ts";
import type { TelemetrySettings } from "./settings.ts";
import { countStarted } from "./spans/accounting.ts";
import { BullmqInstrumentation, type QueueObserver } from "./spans/bullmq.ts";
import { Producers } from "./spans/producers.ts";
import { RequeuedJobs } from "./spans/requeue.ts";
import { RunningAttempts } from "./spans/running_attempts.ts";
import { createSpanSender } from "./spans/sender.ts";
import { createStages } from "./spans/stage_spans.ts";
import { installStages } from "./stages.ts";

/** Assembles the tracer provider, registers it for the whole process and instruments HTTP, Express, Pino and BullMQ. */
export function startTracing(settings: TelemetrySettings): void {
  diag.setLogger(onceAMinute(), DiagLogLevel.WARN);
  const resource = describeProcess();
  const metrics = createMeterProvider(settings, resource);
  const meter = metrics.getMeter("prodlike");
  const ledger = settings.ledger ? startLedger() : undefined;
  // The sampler and the span limits are left to the provider: it reads the variables of the specification when not told.
  const sender = createSpanSender(settings, metrics);
  const provider = new NodeTracerProvider({
    resource,
    spanProcessors: [countStarted(meter), ...(ledger ? [ledger.spanProcessor] : []), sender],
  });
  provider.register({
    propagator: createPropagator(settings.propagators),
    contextManager:
      ledger || OWNER.hasSubscribers ? new OwnerContextManager(ledger) : new AsyncLocalStorageContextManager(),
  });
  const tracer = provider.getTracer("prodlike");
  installStages(createStages(tracer));
  const running = new RunningAttempts();
  observeActiveJobs(meter, () => running.count);
  instrument({
    producers: new Producers(tracer),
    attempts: { tracer, ledger, running, requeued: new RequeuedJobs(), retryAs: settings.retryAs },
    workers: new WorkerFacts(meter, { running, flush: () => metrics.forceFlush().catch(() => {}) }), // it says its errors
  });
  const endRuntime = settings.metricsUrl ? observeRuntime(meter) : () => {};
  const spans: Pending = {
    forceFlush: () => provider.forceFlush().catch(sayErrors),
    shutdown: () => provider.shutdown().catch(sayErrors),
    takeRest: () => sender.takeRest(),
  };
  flushOnExit([spans, metrics, { forceFlush: async () => {}, shutdown: async () => endRuntime() }]);
}

/** One, or those of all span processors. */
function sayErrors(errors: Error | Error[]): void {
  for (const error of [errors].flat()) globalErrorHandler(error);
}

function describeProcess() {
  // Not the detectors of host and process: they would put the machine's id and the command line, with whatever secret it
  // holds, on every export.
  const own = resourceFromAttributes({
    [names.HOST_NAME]: hostname(),
    [names.PROCESS_PID]: process.pid,
    [names.PROCESS_COMMAND]: process.argv[1] || undefined,
    [names.PROCESS_RUNTIME_NAME]: "Deno" in globalThis ? "deno" : "nodejs",
    [names.PROCESS_RUNTIME_VERSION]: process.versions.deno ?? process.versions.node,
  });
  // What the user says (OTEL_RESOURCE_ATTRIBUTES, OTEL_SERVICE_NAME) comes last and wins.
  return defaultResource()
    .merge(own)
    .merge(detectResources({ detectors: [serviceInstanceIdDetector, envDetector] }));
}

function createPropagator(names: string[]): TextMapPropagator {
  const known: Record<string, () => TextMapPropagator> = {
    tracecontext: () => new W3CTraceContextPropagator(),
    baggage: () => new W3CBaggagePropagator(),
  };
  const propagators = [];
  for (const name of names) {
    const create = known[name];
    if (create) propagators.push(create());
    else
      diag.warn(
        `OTEL_PROPAGATORS names "${name}", which is not supported: ${Object.keys(known).join(", ")} and none are`,
      );
  }
  return new CompositePropagator({ propagators });
}

function instrument(queues: QueueObserver): void {
  // Without this hook an ESM `import` of one of these is not patched, silently. Deno patches without it.
  if (!("Deno" in globalThis)) {
    const include = ["express", "pino", "bullmq"];
    register("@opentelemetry/instrumentation/hook.mjs", import.meta.url, { data: { include } });
  }
  registerInstrumentations({
    instrumentations: [
      new HttpInstrumentation(),
      new ExpressInstrumentation({ ignoreLayersType: [ExpressLayerType.MIDDLEWARE] }),
      new PinoInstrumentation({ disableLogSending: true }),
      new BullmqInstrumentation(queues),
    ],
  });
}
