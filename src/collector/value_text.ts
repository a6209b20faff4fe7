import type { AnyValue, KeyValue } from "../otlp/otlp_json.ts";

/** An attribute's value as the collector's logs print it: text as it is, lists as JSON. */
export function valueText(value: AnyValue): string {
  if (value.arrayValue || value.kvlistValue) return listText(value);
  if (value.doubleValue !== undefined) return shortestFloat(Number(value.doubleValue));
  return String(value.stringValue ?? value.boolValue ?? value.intValue ?? value.bytesValue ?? "");
}

/** `key=value` of each attribute. */
export function attributeTexts(attributes: KeyValue[] = []): string[] {
  return attributes.map(({ key = "", value }) => `${key}=${valueText(value)}`);
}

/** A float as Go's `%v` prints it. */
export function goFloat(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  const [digits, exponent] = value.toExponential().split("e") as [string, string];
  const power = Number(exponent);
  if (value === 0 || (power >= -4 && power < 6)) return shortestFloat(value);
  return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

function shortestFloat(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

function listText(value: AnyValue): string {
  try {
    return goJson(value);
  } catch {
    return ""; // Go's encoder refuses NaN and Infinity, and the collector prints nothing then.
  }
}

/** JSON as Go's encoder writes it: sorted keys, integers in full, U+2028 and U+2029 escaped. */
function goJson(value: AnyValue): string {
  if (value.arrayValue) return `[${(value.arrayValue.values ?? []).map(goJson).join(",")}]`;
  if (value.kvlistValue) {
    const values = new Map((value.kvlistValue.values ?? []).map((entry) => [entry.key ?? "", entry.value]));
    const keys = [...values.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    return `{${keys.map((key) => `${goString(key)}:${goJson(values.get(key)!)}`).join(",")}}`;
  }
  if (value.doubleValue !== undefined) {
    if (typeof value.doubleValue === "string") throw new RangeError(`${value.doubleValue} has no JSON form`);
    return shortestFloat(value.doubleValue);
  }
  const text = value.stringValue ?? value.bytesValue;
  return text === undefined ? String(value.boolValue ?? value.intValue ?? null) : goString(text);
}

function goString(text: string): string {
  return JSON.stringify(text).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}
