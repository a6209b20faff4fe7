const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const threeDigits = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 });
const binaryUnits = ["B", "KiB", "MiB", "GiB", "TiB"];

/** A number as people read it: three digits, all of them from 1,000 on. */
export function number(value: number): string {
  return (Math.abs(value) >= 1000 ? whole : threeDigits).format(value);
}

/** A time: "0.42 ms", "420 ms", "4.2 s", "4 min 12 s". */
export function duration(ms: number): string {
  const size = Math.abs(ms);
  if (size < 999.5) return `${threeDigits.format(ms)} ms`;
  if (size < 59_950) return `${threeDigits.format(ms / 1000)} s`;
  const seconds = Math.round(size / 1000);
  return `${ms < 0 ? "-" : ""}${whole.format(Math.floor(seconds / 60))} min ${seconds % 60} s`;
}

/** A share of 1: "62 %", "0.4 %". */
export function share(ratio: number): string {
  const percent = ratio * 100;
  return `${Math.abs(percent) >= 10 ? whole.format(percent) : new Intl.NumberFormat("en-US", { maximumSignificantDigits: 2 }).format(percent)} %`;
}

/** A value in a unit: times, bytes and shares as people write them, anything else as it is. */
export function quantity(value: number, unit: string): string {
  if (!Number.isFinite(value)) return "not measured";
  if (unit === "ms") return duration(value);
  if (unit === "s") return duration(value * 1000);
  if (unit === "By" || unit === "bytes") return bytes(value);
  if (unit === "1" || unit === "share") return share(value);
  // UCUM annotations, as in "{cpu}", are words.
  const word = unit.replace(/^\{(.*)\}$/, "$1");
  return word ? `${number(value)} ${word}` : number(value);
}

function bytes(value: number): string {
  const power = value === 0 ? 0 : Math.floor(Math.log2(Math.abs(value)) / 10);
  const step = Math.max(0, Math.min(power, binaryUnits.length - 1));
  return `${threeDigits.format(value / 1024 ** step)} ${binaryUnits[step]}`;
}
