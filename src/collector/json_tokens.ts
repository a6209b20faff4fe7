import { codeUnitAt, UNESCAPED, UNICODE_ESCAPE } from "./json_escapes.ts";
import { Refusal } from "./refusal.ts";
import { keyHash } from "./schema.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const LOWER_N = 0x6e;

/** A number of JSON. RFC 8259, section 6. */
export const JSON_NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$/;

/** The tokens of a JSON text (RFC 8259), read from its bytes one after the other. */
export class JsonTokens {
  protected readonly bytes: Buffer;
  protected at = 0;
  /** The last string or bare word: bytes without quotes and escapes, and their hash when it was a string. */
  protected token: Buffer;
  protected start = 0;
  protected end = 0;
  protected hash = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.token = bytes;
  }

  /** The next byte that is no white space; -1 at the end. */
  protected next(): number {
    const { bytes } = this;
    for (; this.at < bytes.length; this.at++) {
      const byte = bytes[this.at]!;
      if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) return byte;
    }
    return -1;
  }

  /** Reads a string; `null` is an empty one. */
  protected string(): void {
    if (this.next() !== QUOTE) {
      this.#emptyString();
      return;
    }
    const { bytes } = this;
    const { length } = bytes;
    const start = this.at + 1;
    let end = start;
    let hash = 0;
    let hasEscapes = false;
    for (; ; end++) {
      const byte = end < length ? bytes[end]! : 0;
      if (byte === QUOTE) break;
      if (byte < 0x20) throw new Refusal(`a string that begins at byte ${this.at} does not end`);
      if (byte === BACKSLASH) {
        hasEscapes = true;
        end++;
      }
      hash = (Math.imul(hash, 31) + byte) | 0;
    }
    this.token = bytes;
    this.start = start;
    this.end = end;
    this.hash = hash;
    if (hasEscapes) this.#unescape();
    this.at = end + 1;
  }

  #emptyString(): void {
    this.word();
    if (this.text() !== "null") throw this.unexpected("a string", this.start);
    this.end = this.start;
  }

  /** Decodes the escapes of the last string: byte by byte, as a string of all of it would take many times the memory. */
  #unescape(): void {
    const { bytes, start, end } = this;
    const text = Buffer.allocUnsafe(end - start); // no escape is shorter than what it stands for
    let length = 0;
    for (let i = start; i < end; i++) {
      if (bytes[i] !== BACKSLASH) {
        text[length++] = bytes[i]!;
      } else if (bytes[++i] === UNICODE_ESCAPE) {
        let code = this.#codeUnit(i + 1);
        i += 4;
        if ((code & 0xfc00) === 0xd800 && bytes[i + 1] === BACKSLASH && bytes[i + 2] === UNICODE_ESCAPE) {
          const low = this.#codeUnit(i + 3);
          if ((low & 0xfc00) === 0xdc00) {
            code = 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff);
            i += 6;
          }
        }
        // An unpaired surrogate becomes U+FFFD, as in the real collector.
        if (code < 0x80) text[length++] = code;
        else length += text.write(String.fromCodePoint(code), length);
      } else {
        const byte = UNESCAPED[bytes[i]!];
        if (byte === undefined) throw this.#badEscape(i);
        text[length++] = byte;
      }
    }
    this.token = text;
    this.start = 0;
    this.end = length;
    this.hash = text.subarray(0, length).reduce(keyHash, 0);
  }

  #codeUnit(at: number): number {
    const unit = codeUnitAt(this.bytes, at);
    if (unit === -1) throw this.#badEscape(at);
    return unit;
  }

  #badEscape(at: number): Refusal {
    return new Refusal(`the string at byte ${this.at} is not JSON: bad escape at byte ${at}`);
  }

  /** Reads a number, `true`, `false` or `null`: all up to white space, a comma or a bracket. Whoever wants it checks it. */
  protected word(): void {
    this.next();
    const { bytes } = this;
    let end = this.at;
    for (; end < bytes.length; end++) {
      const byte = bytes[end]!;
      if (byte <= 0x20 || byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET) break;
    }
    this.token = bytes;
    this.start = this.at;
    this.end = end;
    this.at = end;
  }

  /** The last token, one character a byte. */
  protected text(): string {
    return this.token.toString("latin1", this.start, this.end);
  }

  /** Enters an object or array. Returns false, behind it, when it is empty or `null`. */
  protected opens(isObject: boolean): boolean {
    const byte = this.next();
    if (byte === LOWER_N) {
      this.#emptyString();
      return false;
    }
    if (byte !== (isObject ? OPEN_BRACE : OPEN_BRACKET)) throw this.unexpected(isObject ? "an object" : "an array");
    this.at++;
    if (this.next() !== (isObject ? CLOSE_BRACE : CLOSE_BRACKET)) return true;
    this.at++;
    return false;
  }

  /** Passes the comma between two elements, or the bracket behind the last: then returns false. */
  protected hasMore(isObject: boolean): boolean {
    const byte = this.next();
    const close = isObject ? CLOSE_BRACE : CLOSE_BRACKET;
    if (byte !== COMMA && byte !== close) throw this.unexpected(`"," or "${String.fromCharCode(close)}"`);
    this.at++;
    return byte === COMMA;
  }

  /** Reads a key and its colon. */
  protected key(): void {
    if (this.next() !== QUOTE) throw this.unexpected("a key");
    this.string();
    if (this.next() !== COLON) throw this.unexpected('":"');
    this.at++;
  }

  /** Passes over a value, whatever it is. */
  protected skip(depth: number, maxDepth: number): void {
    if (depth > maxDepth) throw new Refusal(`nested deeper than ${maxDepth} values`);
    const byte = this.next();
    if (byte === QUOTE) {
      this.string();
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      const isObject = byte === OPEN_BRACE;
      if (!this.opens(isObject)) return;
      do {
        if (isObject) this.key();
        this.skip(depth + 1, maxDepth);
      } while (this.hasMore(isObject));
    } else {
      this.word();
      const text = this.text();
      if (!/^(null|true|false)$/.test(text) && !JSON_NUMBER.test(text)) throw this.unexpected("a value", this.start);
    }
  }

  protected unexpected(wanted: string, at = this.at): Refusal {
    const found = at < this.bytes.length ? JSON.stringify(this.bytes.toString("latin1", at, at + 1)) : "the end";
    return new Refusal(`expect ${wanted}, but found ${found}, at byte ${at}`);
  }
}
