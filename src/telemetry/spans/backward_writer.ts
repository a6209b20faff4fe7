import type { HrTime } from "@opentelemetry/api";

/** Wire types. @see https://protobuf.dev/programming-guides/encoding/ */
const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

/** Names whose bytes are kept, each no longer than this. */
const KEPT = { names: 1_000, length: 128 };
/** The longest text that is copied by hand if it is ASCII: a call of the encoder takes longer. */
const SHORT = 64;

/** Writes protobuf from the end of a buffer to its beginning: first the last field, and each message before its length. */
export class BackwardWriter {
  #bytes = Buffer.allocUnsafeSlow(64 * 1024);
  /** Where the next byte goes, counted from the end, so that it stays true when the buffer grows. */
  #at = this.#bytes.length;
  #view = viewOf(this.#bytes);
  readonly #names = new Map<string, Uint8Array>();

  /** How much has been written. */
  get position(): number {
    return this.#bytes.length - this.#at;
  }

  /** Forgets what was written since `position` was that. */
  rewind(position = 0): void {
    this.#at = this.#bytes.length - position;
  }

  /** Fields that are encoded already. */
  fields(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#at -= bytes.length;
    this.#bytes.set(bytes, this.#at);
  }

  /** A copy of what has been written. */
  take(): Uint8Array {
    return Uint8Array.prototype.slice.call(this.#bytes, this.#at);
  }

  /** What was written since `position` was `end` is the message in `field`. */
  endMessage(field: number, end: number): void {
    this.#room(20);
    this.#unsigned(this.position - end);
    this.#tag(field, LENGTH_DELIMITED);
  }

  string(field: number, text: string): void {
    if (!this.#ascii(text)) {
      const length = Buffer.byteLength(text);
      this.#room(length + 20);
      this.#at -= length;
      this.#bytes.write(text, this.#at, length);
      this.#unsigned(length);
    }
    this.#tag(field, LENGTH_DELIMITED);
  }

  /** The bytes of a short text and their length; `false` when there is more to it. */
  #ascii(text: string): boolean {
    const { length } = text;
    if (length > SHORT) return false;
    this.#room(length + 20);
    const at = this.#at - length;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) return false;
      this.#bytes[at + i] = code;
    }
    this.#at = at;
    this.#unsigned(length);
    return true;
  }

  /** A text that comes again and again. */
  name(field: number, text: string): void {
    if (text.length > KEPT.length) {
      this.string(field, text);
      return;
    }
    let bytes = this.#names.get(text);
    if (!bytes) {
      if (this.#names.size >= KEPT.names) this.#names.clear();
      bytes = Buffer.from(text);
      this.#names.set(text, bytes);
    }
    this.#room(bytes.length + 20);
    this.#at -= bytes.length;
    this.#bytes.set(bytes, this.#at);
    this.#unsigned(bytes.length);
    this.#tag(field, LENGTH_DELIMITED);
  }

  /** An id, as its hexadecimal digits. */
  hex(field: number, digits: string): void {
    const length = digits.length >> 1;
    this.#room(length + 20);
    this.#at -= length;
    for (let i = 0; i < length; i++) {
      this.#bytes[this.#at + i] = (digit(digits.charCodeAt(2 * i)) << 4) | digit(digits.charCodeAt(2 * i + 1));
    }
    this.#unsigned(length);
    this.#tag(field, LENGTH_DELIMITED);
  }

  /** A whole number that a `number` holds exactly; a negative one as its two's complement in 64 bits. */
  varint(field: number, value: number): void {
    this.#room(20);
    if (value >= 0) this.#unsigned(value);
    else this.#twosComplement(value);
    this.#tag(field, VARINT);
  }

  double(field: number, value: number): void {
    this.#room(20);
    this.#at -= 8;
    this.#view.setFloat64(this.#at, value, true);
    this.#tag(field, FIXED64);
  }

  fixed32(field: number, value: number): void {
    this.#room(20);
    this.#at -= 4;
    this.#view.setUint32(this.#at, value, true);
    this.#tag(field, FIXED32);
  }

  /**
   * A time as nanoseconds since 1970.
   *
   * @throws {RangeError} when it is none, as NaN
   */
  time(field: number, [seconds, nanos]: HrTime): void {
    if (!(seconds >= 0 && nanos >= 0)) throw new RangeError(`[${seconds}, ${nanos}] is not a time`);
    // In three parts, each of which a `number` holds exactly.
    const high = 1e9 * Math.floor(seconds / 65_536);
    const low = 65_536 * (high % 65_536) + 1e9 * (seconds % 65_536) + nanos;
    this.#room(20);
    this.#at -= 8;
    this.#view.setUint32(this.#at, low % 2 ** 32, true);
    this.#view.setUint32(this.#at + 4, Math.floor(high / 65_536) + Math.floor(low / 2 ** 32), true);
    this.#tag(field, FIXED64);
  }

  #tag(field: number, type: number): void {
    this.#unsigned(field * 8 + type);
  }

  #unsigned(value: number): void {
    let size = 1;
    for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
    this.#at -= size;
    let rest = value;
    for (let i = 0; i < size - 1; i++) {
      this.#bytes[this.#at + i] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#at + size - 1] = rest;
  }

  #twosComplement(value: number): void {
    let rest = BigInt.asUintN(64, BigInt(value));
    this.#at -= 10;
    for (let i = 0; i < 10; i++) {
      this.#bytes[this.#at + i] = Number(rest & 127n) | (i < 9 ? 128 : 0);
      rest >>= 7n;
    }
  }

  #room(bytes: number): void {
    if (this.#at >= bytes) return;
    const written = this.position;
    const larger = Buffer.allocUnsafeSlow(2 * (this.#bytes.length + bytes));
    this.#bytes.copy(larger, larger.length - written, this.#at);
    this.#bytes = larger;
    this.#view = viewOf(larger);
    this.#at = larger.length - written;
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** The value of a hexadecimal digit, by its character code; both cases. */
function digit(code: number): number {
  return code <= 57 ? code - 48 : (code & 31) + 9;
}
