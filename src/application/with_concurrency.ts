import type { Application, Command, Service } from "./application.ts";

/** The application with a worker that runs so many jobs at once; as it is when its worker cannot be told. */
export function withConcurrency(application: Application, value: number): Application {
  return { ...application, services: application.services.map((service) => changed(service, value)) };
}

function changed(service: Service, value: number): Service {
  const { concurrency, production, start } = service;
  if (!concurrency) return service;
  const told = (command: Command): Command => {
    return { ...command, environment: { ...command.environment, [concurrency.variable]: String(value) } };
  };
  return {
    ...service,
    start: told(start),
    ...(production ? { production: { ...production, start: told(production.start) } } : {}),
    concurrency: { ...concurrency, value },
  };
}
