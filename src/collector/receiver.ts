import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { isToThisMachine } from "../local_request.ts";
import { answerRefusal, answerSuccess, answerText, type Encoding } from "./answers.ts";
import type { BodyReader } from "./body.ts";
import { Refusal } from "./refusal.ts";
import type { Signal, Store } from "./store.ts";

const SIGNALS: ReadonlyMap<string, Signal> = new Map([
  ["/v1/traces", "traces"],
  ["/v1/metrics", "metrics"],
]);

/** Answers OTLP/HTTP requests (opentelemetry-proto, specification, "OTLP/HTTP Request") as the real collector does. */
export class Receiver {
  requests = 0;
  refused = 0;
  /** Set when the server stops: connections then end with the next answer. */
  isClosing = false;
  readonly listener: RequestListener;
  readonly #store: Store;
  readonly #bodies: BodyReader;

  constructor(store: Store, bodies: BodyReader) {
    this.#store = store;
    this.#bodies = bodies;
    this.listener = (request, response) => void this.#answer(request, response);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests++;
    const signal = SIGNALS.get(request.url!.split("?", 1)[0]!);
    const type = (request.headers["content-type"] ?? "").split(";", 1)[0]!.trim().toLowerCase();
    if (!isToThisMachine(request.headers)) this.#refuse(response, 403, "403 host not allowed");
    else if (!signal) this.#refuse(response, 404, "404 page not found\n");
    else if (request.method !== "POST") this.#refuse(response, 405, "405 method not allowed, supported: [POST]");
    else if (!isEncoding(type)) this.#refuse(response, 415, UNSUPPORTED_TYPE);
    else await this.#take(request, response, signal, type);
    if (!request.complete) this.#bodies.drop(request, () => response.end());
  }

  async #take(request: IncomingMessage, response: ServerResponse, signal: Signal, encoding: Encoding) {
    try {
      const body = await this.#bodies.read(request);
      this.#store.add(signal, encoding, body);
      this.#beforeAnswer(response);
      answerSuccess(response, encoding);
    } catch (error) {
      this.refused++;
      this.#beforeAnswer(response);
      const refusal = error instanceof Refusal ? error : new Refusal(String(error), 500, error);
      answerRefusal(response, encoding, refusal);
    }
  }

  #refuse(response: ServerResponse, status: number, text: string): void {
    this.refused++;
    this.#beforeAnswer(response);
    answerText(response, status, text);
  }

  #beforeAnswer(response: ServerResponse): void {
    if (this.isClosing) response.setHeader("Connection", "close");
  }
}

const UNSUPPORTED_TYPE = "415 unsupported media type, supported: [application/json, application/x-protobuf]";

function isEncoding(type: string): type is Encoding {
  return type === "application/json" || type === "application/x-protobuf";
}
