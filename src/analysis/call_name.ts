import { type Span, SpanKind } from "../otlp/types.ts";
import { first } from "./job_span.ts";

/**
 * What a CLIENT span called, without what differs from call to call; `undefined` for other spans.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/ and /database/database-spans/, with their former names
 */
export function callName({ kind, name, attributes }: Span): string | undefined {
  if (kind !== SpanKind.CLIENT) return undefined;
  const text = (...keys: string[]) => {
    const value = first(attributes, keys);
    return value === undefined ? "" : String(value);
  };
  const server = text("server.address", "net.peer.name", "peer.service", "network.peer.address");
  const port = text("server.port", "net.peer.port", "network.peer.port");
  const where = server && port && port !== "443" && port !== "80" ? `${server}:${port}` : server;
  const method = text("http.request.method", "http.method");
  if (method) return [method, `${where || hostOf(text("url.full", "http.url"))}${text("url.template")}`].join(" ");
  const system = text("db.system.name", "db.system");
  if (system) {
    // The summary, or the span's name, which instrumentations keep free of values.
    const what =
      text("db.query.summary") ||
      [text("db.operation.name", "db.operation"), text("db.collection.name", "db.sql.table")].filter(Boolean).join(" ");
    return [system, what || name].join(" ");
  }
  const rpc = [text("rpc.service"), text("rpc.method")].filter(Boolean).join("/");
  return rpc || [name, where].filter(Boolean).join(" ");
}

function hostOf(url: string): string {
  // The part between "//" and the next "/", "?" or "#".
  return /^[a-z]+:\/\/(?:[^/?#@]*@)?([^/?#]*)/i.exec(url.slice(0, 500))?.[1] ?? "";
}
