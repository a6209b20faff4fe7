import type { AnyValue, KeyValue } from "./otlp_json.ts";
import type { Attributes, AttributeValue } from "./types.ts";

/** Attributes by their names. */
export function attributesOf(list: KeyValue[] = []): Attributes {
  return Object.fromEntries(list.map(({ key = "", value }) => [key, attributeValue(value)]));
}

function attributeValue(value: AnyValue): AttributeValue {
  if (value.intValue !== undefined) {
    const number = Number(value.intValue);
    return Number.isSafeInteger(number) ? number : BigInt(value.intValue);
  }
  if (value.doubleValue !== undefined) return Number(value.doubleValue);
  if (value.arrayValue) return (value.arrayValue.values ?? []).map(attributeValue);
  if (value.kvlistValue) return attributesOf(value.kvlistValue.values);
  if (value.bytesValue !== undefined) return new Uint8Array(Buffer.from(value.bytesValue, "base64"));
  return value.stringValue ?? value.boolValue ?? null;
}
