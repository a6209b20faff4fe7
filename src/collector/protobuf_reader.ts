import { Refusal } from "./refusal.ts";
import { type Field, type Message, WIRE } from "./schema.ts";
import { MAX_DEPTH, type Transcript } from "./transcript.ts";

const QUOTE = 0x22;
const { varint: VARINT, fixed64: FIXED64, length: LENGTH } = WIRE;

/**
 * Writes a protobuf message to a transcript.
 *
 * @throws {Refusal} when the bytes are no such message
 */
export function transcribeProtobuf(body: Buffer, message: Message, transcript: Transcript): void {
  try {
    new ProtobufReader(body, transcript, false).message(message, body.length, 0);
  } catch (error) {
    if (!(error instanceof Unordered)) throw error;
    transcript.clear();
    new ProtobufReader(body, transcript, true).message(message, body.length, 0);
  }
}

/** A field came twice, or its elements not in one piece. Protobuf allows that and no exporter does it: so it costs a second pass. */
class Unordered extends Error {}

class ProtobufReader {
  readonly #bytes: Buffer;
  readonly #transcript: Transcript;
  readonly #careful: boolean;
  #at = 0;
  /** The last varint or fixed-width number, as unsigned halves. */
  #low = 0;
  #high = 0;

  constructor(bytes: Buffer, transcript: Transcript, careful: boolean) {
    this.#bytes = bytes;
    this.#transcript = transcript;
    this.#careful = careful;
  }

  message(message: Message, end: number, depth: number, isOrdered = !this.#careful): void {
    if (depth > MAX_DEPTH) throw new Refusal(`proto: nested deeper than ${MAX_DEPTH} messages`);
    if (!isOrdered) {
      const ordered = this.#inOrder(message, end);
      new ProtobufReader(ordered, this.#transcript, true).message(message, ordered.length, depth, true);
      return;
    }
    const transcript = this.#transcript;
    const lineStart = transcript.line.length;
    const logStart = transcript.log.length;
    let seen = 0;
    let open: Field | undefined;
    transcript.begin();
    while (this.#at < end) {
      const tag = this.#tag(end);
      const field = message.byNumber[tag >>> 3];
      if (!field) {
        this.#skip(tag & 7, end);
        continue;
      }
      if (field !== open) {
        if (open) transcript.endField(open, true);
        if (seen & field.claims) throw new Unordered();
        seen |= field.bit;
        transcript.key(field);
        open = field.repeated ? field : undefined;
      }
      const wire = tag & 7;
      if (!open) {
        transcript.endField(field, this.#value(field, wire, end, depth));
      } else if (wire === field.wire) {
        this.#element(field, wire, end, depth);
      } else {
        if (wire !== LENGTH) throw wrongWireType(field, wire);
        for (const stop = this.#lengthEnd(end); this.#at < stop; ) this.#element(field, field.wire, stop, depth);
      }
    }
    if (open) transcript.endField(open, true);
    transcript.end(message, seen, lineStart, logStart);
  }

  #element(field: Field, wire: number, end: number, depth: number): void {
    this.#value(field, wire, end, depth);
    this.#transcript.line.comma();
  }

  /** Writes one value. Returns false when it is the zero value of its type. */
  #value(field: Field, wire: number, end: number, depth: number): boolean {
    const bytes = this.#bytes;
    const { line } = this.#transcript;
    if (wire !== field.wire) throw wrongWireType(field, wire);
    if (wire !== LENGTH) {
      if (wire === VARINT) this.#varint(end);
      else this.#fixed(wire === FIXED64 ? 8 : 4, end);
      return this.#number(field);
    }
    const stop = this.#lengthEnd(end);
    const start = this.#at;
    if (field.kind === "message") {
      this.message(field.message!, stop, depth + 1);
      this.#at = stop;
      return true;
    }
    this.#at = stop;
    if (field.kind === "id") {
      if (stop - start !== field.bits / 8 && stop !== start)
        throw new Refusal(`proto: invalid length of ${field.name}`);
      line.byte(QUOTE);
      line.hex(bytes, start, stop);
      line.byte(QUOTE);
      for (let i = start; i < stop; i++) if (bytes[i] !== 0) return true;
      return false;
    }
    if (field.kind === "bytes") line.text(`"${bytes.toString("base64", start, stop)}"`);
    else line.string(bytes, start, stop);
    return stop > start;
  }

  #number({ kind, bits, signed, zigzag }: Field): boolean {
    const low = this.#low;
    const high = this.#high;
    const { line } = this.#transcript;
    if (kind === "double") return line.double(this.#bytes.readDoubleLE(this.#at - 8));
    if (kind === "bool") {
      line.text(low || high ? "true" : "false");
    } else if (bits === 32) {
      if (zigzag) line.text(String((low >>> 1) ^ -(low & 1)));
      else if (signed && low >>> 31) line.text(String(low | 0));
      else line.whole(low);
      return low !== 0;
    } else {
      line.byte(QUOTE);
      if (signed && high >>> 31) line.text(String(BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low))));
      else line.whole64(high, low);
      line.byte(QUOTE);
    }
    return low !== 0 || high !== 0;
  }

  #tag(end: number): number {
    this.#varint(end);
    if (this.#high !== 0 || this.#low < 8) throw new Refusal(`proto: illegal field number at byte ${this.#at}`);
    return this.#low;
  }

  #lengthEnd(end: number): number {
    this.#varint(end);
    const stop = this.#at + this.#low;
    if (this.#high !== 0 || stop > end) throw unexpectedEnd();
    return stop;
  }

  #varint(end: number): void {
    const bytes = this.#bytes;
    let at = this.#at;
    let low = 0;
    let high = 0;
    for (let shift = 0; ; shift += 7) {
      if (at >= end) throw unexpectedEnd();
      if (shift > 63) throw new Refusal("proto: integer overflow");
      const byte = bytes[at++]!;
      const part = byte & 0x7f;
      if (shift < 28) low |= part << shift;
      else if (shift === 28) {
        low |= part << 28;
        high = part >>> 4;
      } else high |= part << (shift - 32);
      if (byte < 0x80) break;
    }
    this.#at = at;
    this.#low = low >>> 0;
    this.#high = high >>> 0;
  }

  #fixed(size: number, end: number): void {
    if (this.#at + size > end) throw unexpectedEnd();
    this.#low = this.#bytes.readUInt32LE(this.#at);
    this.#high = size === 8 ? this.#bytes.readUInt32LE(this.#at + 4) : 0;
    this.#at += size;
  }

  #skip(wire: number, end: number): void {
    let groups = 0;
    for (; ; wire = this.#tag(end) & 7) {
      if (wire === VARINT) this.#varint(end);
      else if (wire === FIXED64) this.#fixed(8, end);
      else if (wire === LENGTH) this.#at = this.#lengthEnd(end);
      else if (wire === WIRE.fixed32) this.#fixed(4, end);
      else if (wire === WIRE.startGroup) groups++;
      else if (wire !== WIRE.endGroup || groups-- === 0) throw new Refusal(`proto: illegal wireType ${wire}`);
      if (groups === 0) return;
    }
  }

  /** The message with each field in one piece: the last of a scalar or `oneof`, the sum of a message, all elements. */
  #inOrder(message: Message, end: number): Buffer {
    const pieces = new Map<Field, Buffer[]>();
    while (this.#at < end) {
      const start = this.#at;
      const tag = this.#tag(end);
      const field = message.byNumber[tag >>> 3];
      const valueStart = this.#at;
      this.#skip(tag & 7, end);
      if (!field) continue;
      const stop = this.#at;
      if (isSum(field)) {
        this.#at = valueStart;
        this.#lengthEnd(end); // Moves behind the length: the bytes of two messages in a row are their sum.
      }
      const piece = this.#bytes.subarray(isSum(field) ? this.#at : start, stop);
      this.#at = stop;
      if (field.repeated || isSum(field)) {
        const list = pieces.get(field);
        if (list) list.push(piece);
        else pieces.set(field, [piece]);
      } else {
        for (const other of message.fields) if (other.bit & field.claims) pieces.delete(other);
        pieces.set(field, [piece]);
      }
    }
    return Buffer.concat(
      [...pieces].flatMap(([field, list]) => {
        if (!isSum(field)) return list;
        const bytes = list.reduce((sum, { length }) => sum + length, 0);
        return [varint((message.byNumber.indexOf(field) << 3) | LENGTH), varint(bytes), ...list];
      }),
    );
  }
}

function isSum(field: Field): boolean {
  return field.message !== undefined && !field.repeated && !field.keepsZero;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  return Buffer.from([...bytes, value]);
}

function wrongWireType({ name }: Field, wire: number): Refusal {
  return new Refusal(`proto: wrong wireType = ${wire} for field ${name}`);
}

function unexpectedEnd(): Refusal {
  return new Refusal("proto: unexpected end of the message");
}
