import { ESCAPED } from "./json_escapes.ts";
import { Refusal } from "./refusal.ts";

const COMMA = 0x2c;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ZERO = 0x30;
/** Up to here a loop copies faster than a call into the runtime does. */
const SHORT = 96;

/**
 * A buffer that text is written into as bytes, without a string in between. It takes its whole room at once and keeps it:
 * what is never written is no memory, and nothing is left behind for the garbage collector.
 *
 * Every JSON value is followed by a comma, which the bracket that closes the object or array overwrites.
 */
export class Output {
  readonly bytes: Buffer;
  length = 0;

  constructor(maxBytes: number) {
    this.bytes = Buffer.allocUnsafeSlow(maxBytes);
  }

  clear(): void {
    this.length = 0;
  }

  /** Makes sure that there is room. @throws {Refusal} when there is not */
  reserve(count: number): void {
    const { length } = this.bytes;
    if (this.length + count > length) throw new Refusal(`request too large: more than ${length} bytes to store`);
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  raw(source: Buffer, start: number, end: number): void {
    this.reserve(end - start);
    const { bytes } = this;
    let length = this.length;
    if (end - start > SHORT) {
      bytes.set(source.subarray(start, end), length);
      length += end - start;
    } else {
      for (let i = start; i < end; i++) bytes[length++] = source[i]!;
    }
    this.length = length;
  }

  /** A binary string: one character a byte. */
  text(text: string): void {
    this.reserve(text.length);
    const { bytes } = this;
    let length = this.length;
    if (text.length > SHORT) length += bytes.write(text, length, "latin1");
    else for (let i = 0; i < text.length; i++) bytes[length++] = text.charCodeAt(i);
    this.length = length;
  }

  /** A JSON string of UTF-8 bytes. */
  string(source: Buffer, start: number, end: number): void {
    this.reserve(end - start + 2);
    const { bytes } = this;
    let length = this.length;
    bytes[length++] = QUOTE;
    for (let i = start; i < end; i++) {
      const byte = source[i]!;
      if (byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH) {
        bytes[length++] = byte;
        continue;
      }
      this.length = length;
      this.text(ESCAPED[byte]!);
      this.reserve(end - i + 1);
      length = this.length;
    }
    bytes[length++] = QUOTE;
    this.length = length;
  }

  /** Bytes as lower-case hexadecimal digits. */
  hex(source: Buffer, start: number, end: number): void {
    this.reserve(2 * (end - start));
    const { bytes } = this;
    let length = this.length;
    for (let i = start; i < end; i++) {
      bytes[length++] = HEX[source[i]! >>> 4]!;
      bytes[length++] = HEX[source[i]! & 15]!;
    }
    this.length = length;
  }

  /** A whole number from 0 to 2^53, in decimal digits, padded with zeros to `digits`. */
  whole(value: number, digits = 1): void {
    let count = digits;
    for (let power = 10 ** digits; power <= value; power *= 10) count++;
    this.reserve(count);
    for (let at = this.length + count - 1; at >= this.length; at--) {
      const rest = Math.floor(value / 10);
      this.bytes[at] = ZERO + (value - rest * 10);
      value = rest;
    }
    this.length += count;
  }

  /** A 64-bit number, given as two unsigned halves, in decimal digits. BigInt takes several times as long. */
  whole64(high: number, low: number): void {
    if (high < 0x200000) {
      this.whole(high * 0x100000000 + low);
      return;
    }
    // Long division by 10^9, 16 bits at a time: nothing passes 2^53.
    const top = high % 1e9;
    const middle = top * 0x10000 + (low >>> 16);
    const bottom = (middle % 1e9) * 0x10000 + (low & 0xffff);
    const rest = bottom % 1e9;
    const quotient = ((high - top) / 1e9) * 0x100000000 + Math.floor(middle / 1e9) * 0x10000 + (bottom - rest) / 1e9;
    this.whole(quotient);
    this.whole(rest, 9);
  }

  /** A number, or a string for those that JSON has no numbers for (ProtoJSON, `double`). Returns false when it is zero. */
  double(value: number): boolean {
    if (!Number.isFinite(value)) this.text(`"${value}"`);
    else this.text(Object.is(value, -0) ? "-0" : String(value));
    return value !== 0;
  }

  /** Ends an object or an array. */
  close(bracket: number): void {
    if (this.bytes[this.length - 1] === COMMA) this.bytes[this.length - 1] = bracket;
    else this.byte(bracket);
  }

  comma(): void {
    this.byte(COMMA);
  }

  /** Puts a binary string in at `at`: what was written from there moves up. */
  insert(at: number, text: string): void {
    this.reserve(text.length);
    this.bytes.copyWithin(at + text.length, at, this.length);
    this.bytes.write(text, at, "latin1");
    this.length += text.length;
  }
}

const HEX = Buffer.from("0123456789abcdef");
