import { JSON_NUMBER, JsonTokens } from "./json_tokens.ts";
import { Refusal } from "./refusal.ts";
import type { Field, Message } from "./schema.ts";
import { MAX_DEPTH, type Transcript } from "./transcript.ts";

const QUOTE = 0x22;
const ZERO = 0x30;
const NINE = 0x39;
const POINT = 0x2e;

/**
 * Writes OTLP/JSON to a transcript, without an object in between: so 64-bit numbers keep all their digits.
 *
 * As the real collector it skips unknown keys and takes keys in snake_case, enums by name, numbers as strings, and `null`
 * for an empty string, list or message. As ProtoJSON and unlike it, it refuses a field or `oneof` that is given twice.
 *
 * @throws {Refusal} when the text is no such message
 */
export function transcribeJson(body: Buffer, message: Message, transcript: Transcript): void {
  new JsonReader(body, transcript).request(message);
}

class JsonReader extends JsonTokens {
  readonly #transcript: Transcript;

  constructor(bytes: Buffer, transcript: Transcript) {
    super(bytes);
    this.#transcript = transcript;
  }

  request(message: Message): void {
    this.#message(message, 0);
    if (this.next() !== -1) throw this.unexpected("the end");
  }

  #message(message: Message, depth: number): void {
    if (depth > MAX_DEPTH) throw new Refusal(`nested deeper than ${MAX_DEPTH} messages`);
    const transcript = this.#transcript;
    const lineStart = transcript.line.length;
    const logStart = transcript.log.length;
    let seen = 0;
    transcript.begin();
    if (this.opens(true)) {
      do {
        this.key();
        const field = this.#field(message);
        if (field) {
          if (seen & field.claims)
            throw new Refusal(`${message.name}.${field.name} is given twice, or with another of its oneof`);
          seen |= field.bit;
          transcript.key(field);
          transcript.endField(field, field.repeated ? this.#list(field, depth) : this.#value(field, depth));
        } else {
          this.skip(depth, MAX_DEPTH);
        }
      } while (this.hasMore(true));
    }
    transcript.end(message, seen, lineStart, logStart);
  }

  /** The field that the last string names. */
  #field({ keys, keyMask }: Message): Field | undefined {
    const found = keys[this.hash & keyMask];
    if (found?.key.length !== this.end - this.start) return undefined;
    for (let i = 0; i < found.key.length; i++) if (found.key[i] !== this.token[this.start + i]) return undefined;
    return found.field;
  }

  #list(field: Field, depth: number): boolean {
    if (!this.opens(false)) return false;
    do {
      this.#value(field, depth);
      this.#transcript.line.comma();
    } while (this.hasMore(false));
    return true;
  }

  /** Writes one value. Returns false when it is the zero value of its type. */
  #value(field: Field, depth: number): boolean {
    switch (field.kind) {
      case "message":
        this.#message(field.message!, depth + 1);
        return true;
      case "string":
        this.string();
        this.#transcript.line.string(this.token, this.start, this.end);
        return this.end > this.start;
      case "whole":
        return this.#whole(field);
      case "double":
        return this.#double(field);
      case "bool":
        return this.#bool(field);
      case "id":
        return this.#id(field);
      case "bytes":
        return this.#base64(field);
    }
  }

  #whole(field: Field): boolean {
    const { line } = this.#transcript;
    const isText = this.next() === QUOTE;
    if (isText) this.string();
    else this.word();
    const { token, start, end } = this;
    if (field.bits === 64) line.byte(QUOTE);
    // The usual digits are copied. 19 of them are in range, too, unless they begin with a 9.
    const most = field.bits === 32 ? 9 : token[start] === NINE ? 18 : 19;
    const isUsual = end - start <= most && isPlain(token, start, end, false) && !(isText && field.names);
    const value = isUsual ? token[start]! - ZERO : this.#unusual(field, isText);
    if (isUsual) line.raw(token, start, end);
    else line.text(String(value));
    if (field.bits === 64) line.byte(QUOTE);
    return value !== 0 && value !== 0n;
  }

  #unusual({ name, names, bits, signed }: Field, isText: boolean): bigint {
    const text = this.text();
    if (isText && names) {
      if (!names.includes(text)) throw this.#refused(name, "unknown string value");
      return BigInt(names.indexOf(text));
    }
    if (!(isText ? /^[-+]?\d+$/ : /^-?(0|[1-9]\d*)$/).test(text)) throw this.#refused(name, "no whole number");
    // Also "-0" and "+1": Go's ParseUint takes no sign.
    if (!signed && /^[-+]/.test(text)) throw this.#refused(name, "no unsigned number");
    const value = BigInt(text);
    if (value !== (signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value)))
      throw this.#refused(name, "out of range");
    return value;
  }

  #double({ name }: Field): boolean {
    const isText = this.next() === QUOTE;
    if (isText) this.string();
    else this.word();
    const { line } = this.#transcript;
    if (this.end - this.start <= 15 && isPlain(this.token, this.start, this.end, true)) {
      line.raw(this.token, this.start, this.end);
      return this.token[this.start] !== ZERO || this.end > this.start + 1;
    }
    const text = this.text();
    // As Go's ParseFloat, which the real collector reads strings with: "1.", ".5", "inf", "-Infinity" and "nan" too.
    const special = isText ? /^([-+]?)(?:(inf|infinity)|nan)$/i.exec(text) : null;
    if (special) return line.double(special[2] ? Number(`${special[1]}Infinity`) : Number.NaN);
    const value = Number(text);
    const isNumber = (isText ? /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i : JSON_NUMBER).test(text);
    if (!isNumber || !Number.isFinite(value)) throw this.#refused(name, "no number");
    return line.double(value);
  }

  #bool({ name }: Field): boolean {
    this.word();
    const text = this.text();
    if (text !== "true" && text !== "false") throw this.#refused(name, "no boolean");
    this.#transcript.line.text(text);
    return text === "true";
  }

  #id({ name, bits }: Field): boolean {
    const { line } = this.#transcript;
    this.string();
    const { token, start, end } = this;
    if (end !== start && end - start !== bits / 4)
      throw this.#refused(name, `length mismatch, ${bits / 4} digits are wanted`);
    let isZero = true;
    line.byte(QUOTE);
    line.reserve(bits / 4);
    for (let i = start; i < end; i++) {
      const byte = token[i]! > NINE ? token[i]! | 0x20 : token[i]!; // A to F in lower case.
      if (byte < ZERO || (byte > NINE && byte < 0x61) || byte > 0x66)
        throw this.#refused(name, "no hexadecimal digits");
      if (byte !== ZERO) isZero = false;
      line.bytes[line.length++] = byte;
    }
    line.byte(QUOTE);
    return !isZero;
  }

  #base64({ name }: Field): boolean {
    this.string();
    const text = this.text();
    if (Buffer.from(text, "base64").toString("base64") !== text) throw this.#refused(name, "illegal base64 data");
    this.#transcript.line.text(`"${text}"`);
    return text !== "";
  }

  #refused(name: string, why: string): Refusal {
    return new Refusal(`${name}: ${why}, at byte ${this.at}`);
  }
}

/** Whether these are digits, with a point among them if it `mayPoint`, as JavaScript would print the number. */
function isPlain(token: Buffer, start: number, end: number, mayPoint: boolean): boolean {
  let point = -1;
  for (let i = start; i < end; i++) {
    const byte = token[i]!;
    if (byte === POINT && mayPoint && point === -1 && i > start) point = i;
    else if (byte < ZERO || byte > NINE) return false;
  }
  if (start === end || (point !== -1 && (point === end - 1 || token[end - 1] === ZERO))) return false;
  // "012", "0.0000001".
  return token[start] !== ZERO || end === start + 1 || (point === start + 1 && end <= start + 8);
}
