// Figures as people read them, the same everywhere.

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const threeDigits = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 });
const twoDigits = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 2 });
const BINARY_UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** A number: three digits, all of them from 1,000 on. */
export function showNumber(value: number): string {
  return (Math.abs(value) >= 1000 ? whole : threeDigits).format(value);
}

/** A time: "0.42 ms", "420 ms", "4.2 s", "4 min 12 s". */
export function showMs(ms: number): string {
  const size = Math.abs(ms);
  if (size < 999.5) return `${threeDigits.format(ms)} ms`;
  if (size < 59_950) return `${threeDigits.format(ms / 1000)} s`;
  const seconds = Math.round(size / 1000);
  return `${ms < 0 ? "-" : ""}${whole.format(Math.floor(seconds / 60))} min ${seconds % 60} s`;
}

/** A share of 1: "62 %", "0.4 %". */
export function showShare(ratio: number): string {
  const percent = ratio * 100;
  return `${(Math.abs(percent) >= 10 ? whole : twoDigits).format(percent)} %`;
}

/** Bytes: "512 MiB", "23.5 GiB". */
export function showBytes(bytes: number): string {
  const power = bytes === 0 ? 0 : Math.floor(Math.log2(Math.abs(bytes)) / 10);
  const step = Math.max(0, Math.min(power, BINARY_UNITS.length - 1));
  return `${showNumber(bytes / 1024 ** step)} ${BINARY_UNITS[step]}`;
}

/** MB of 2^20 bytes, as V8's flags take them: "11,456 MB". */
export function showMb(mb: number): string {
  return `${whole.format(mb)} MB`;
}

/** CPUs, as Docker takes them: "3.0", "0.25". */
export function showCpus(cpus: number): string {
  return Number.isInteger(cpus) ? cpus.toFixed(1) : String(cpus);
}

/** A value in a unit: times, bytes and shares as above, anything else as it is. */
export function showQuantity(value: number, unit: string): string {
  if (!Number.isFinite(value)) return "not measured";
  if (unit === "ms") return showMs(value);
  if (unit === "s") return showMs(value * 1000);
  if (unit === "By" || unit === "bytes") return showBytes(value);
  if (unit === "1" || unit === "share") return showShare(value);
  // UCUM annotations, as in "{cpu}", are words.
  const word = unit.replace(/^\{(.*)\}$/, "$1");
  return word ? `${showNumber(value)} ${word}` : showNumber(value);
}
