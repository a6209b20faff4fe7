import { Output } from "./output.ts";
import { FIELD_COUNT, type Field, type Message } from "./schema.ts";

/** How deep messages may nest; attribute values take two levels for each list. */
export const MAX_DEPTH = 200;

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** Logs a message that has just been written to the line from `lineStart`; what it holds is in the log from `logStart`. */
export type Ending = (transcript: Transcript, lineStart: number, logStart: number) => void;

/** How the log is written. */
export interface LogOptions {
  maxBytes: number;
  /** By `Message.id`. */
  endings: readonly (Ending | undefined)[];
}

/**
 * One request as it is stored: the line of OTLP/JSON and the text of the log, written while a reader walks the request.
 *
 * A reader calls `begin`, then for each field `key`, writes the value to `line` and calls `endField`, then `end`.
 */
export class Transcript {
  readonly line: Output;
  readonly log: Output;
  /** Where the value of each field was last written in `line`, the innermost of nested ones: start and end by `2 * field.id`. */
  readonly ranges = new Int32Array(2 * FIELD_COUNT);
  resources = 0;
  /** Scopes of the current resource. */
  scopes = 0;
  spans = 0;
  metrics = 0;
  dataPoints = 0;
  /** Of the span, scope or resource that is being read, as the log prints them. */
  readonly attributes: Output;
  /** What the heading of the current resource and scope will say. */
  resourceAttributes = "";
  scopeText = "";
  scopeAttributes = "";
  readonly #endings: LogOptions["endings"];

  constructor(maxLineBytes: number, { maxBytes, endings }: LogOptions = { maxBytes: 0, endings: [] }) {
    this.line = new Output(maxLineBytes);
    this.log = new Output(maxBytes);
    this.attributes = new Output(maxBytes);
    this.#endings = endings;
  }

  clear(): void {
    this.line.clear();
    this.log.clear();
    this.attributes.clear();
    this.ranges.fill(0);
    this.resources = this.scopes = this.spans = this.metrics = this.dataPoints = 0;
    this.resourceAttributes = this.scopeText = this.scopeAttributes = "";
  }

  begin(): void {
    this.line.byte(OPEN_BRACE);
  }

  key(field: Field): void {
    const { line } = this;
    line.raw(field.prefix, 0, field.prefix.length);
    this.ranges[2 * field.id] = line.length;
    if (field.repeated) line.byte(OPEN_BRACKET);
  }

  /** Ends a field; an empty array, and a value that is not `worthKeeping`, are taken back. */
  endField(field: Field, worthKeeping: boolean): void {
    const { line, ranges } = this;
    if (field.repeated ? line.bytes[line.length - 1] !== OPEN_BRACKET : worthKeeping || field.keepsZero) {
      if (field.repeated) line.close(CLOSE_BRACKET);
      ranges[2 * field.id + 1] = line.length;
      line.comma();
    } else {
      line.length = ranges[2 * field.id]! - field.prefix.length;
      ranges[2 * field.id] = 0;
    }
  }

  /** Ends a message that began at `lineStart` and `logStart`; the bits of `seen` are the fields it had. */
  end(message: Message, seen: number, lineStart: number, logStart: number): void {
    const { line } = this;
    if ((seen & message.alwaysBits) !== message.alwaysBits) {
      for (const field of message.always) {
        if (seen & field.bit) continue;
        this.key(field);
        line.text("{}");
        this.endField(field, true);
      }
    }
    line.close(CLOSE_BRACE);
    this.#endings[message.id]?.(this, lineStart, logStart);
  }
}
