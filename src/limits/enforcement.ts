/** One limit: what was asked for and what holds, as people read it. */
export interface Enforcement {
  limit: string;
  asked: string;
  /** What the machine has. */
  host?: string;
  /** As it was read back from what enforces it. */
  enforced: string;
  /** Whether the worker meets this limit before it meets the machine's end. */
  isBinding: boolean;
}

/** A line for each limit. */
export function enforcementTable(rows: Enforcement[]): string[] {
  return rows.map(({ limit, asked, host, enforced, isBinding }) => {
    const parts = [`asked ${asked}`, ...(host ? [`host ${host}`] : []), `enforced ${enforced}`];
    return `  ${limit.padEnd(10)} ${parts.join(", ")}${isBinding ? "" : " (not binding)"}`;
  });
}

/** Bytes as people read them, exact to a tenth: "512.0 MiB". */
export function showBytes(bytes: number): string {
  const [factor, unit] = bytes >= 2 ** 30 ? [2 ** 30, "GiB"] : [2 ** 20, "MiB"];
  return `${(bytes / factor).toFixed(1)} ${unit}`;
}

/** CPUs as people read them: "3.0", "0.25". */
export function showCpus(cpus: number): string {
  return Number.isInteger(cpus) ? cpus.toFixed(1) : String(cpus);
}

/** MB of 2^20 bytes as people read them: "11,456 MB". */
export function showMb(mb: number): string {
  return `${Math.round(mb).toLocaleString("en-GB")} MB`;
}
