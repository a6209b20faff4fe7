import type { AnyValue, KeyValue } from "./otlp_json.ts";
import type { Attributes, AttributeValue } from "./types.ts";

/** Attributes by their names. */
export function attributesOf(list: KeyValue[] = []): Attributes {
  const attributes: Attributes = {};
  for (const { key = "", value } of list) {
    // Assigned, it would set the prototype.
    if (key === "__proto__") Object.defineProperty(attributes, key, { ...OWN, value: attributeValue(value) });
    else attributes[key] = attributeValue(value);
  }
  return attributes;
}

const OWN = { enumerable: true, configurable: true, writable: true };

function attributeValue(value: AnyValue): AttributeValue {
  if (value.stringValue !== undefined) return value.stringValue; // most of them
  if (value.intValue !== undefined) {
    const number = Number(value.intValue);
    return Number.isSafeInteger(number) ? number : BigInt(value.intValue);
  }
  if (value.doubleValue !== undefined) return Number(value.doubleValue);
  if (value.arrayValue) return (value.arrayValue.values ?? []).map(attributeValue);
  if (value.kvlistValue) return attributesOf(value.kvlistValue.values);
  if (value.bytesValue !== undefined) return new Uint8Array(Buffer.from(value.bytesValue, "base64"));
  return value.boolValue ?? null;
}
