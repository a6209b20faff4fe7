import { UserError } from "../terminal/user_error.ts";

const FACTORS: Record<string, number> = { "": 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/**
 * Bytes of `512m`, `1.5gb`, `13g` as compose reads them (powers of 1,024 whatever the case; no unit: bytes), and of
 * `Ki`, `Mi`, `Gi` as Kubernetes writes them.
 *
 * @throws {UserError} naming the variable, the value and the grammar
 * @see https://github.com/compose-spec/compose-spec/blob/main/11-extension.md#specifying-byte-values
 */
export function parseBytes(name: string, value: string): number {
  // A number; then b, or k, m, g with an optional b or i.
  const [, number, unit] = /^(\d+(?:\.\d+)?)(?:b|([kmg])[bi]?)?$/i.exec(value) ?? [];
  const bytes = Math.round(Number(number) * FACTORS[unit?.toLowerCase() ?? ""]!);
  if (bytes >= 1) return bytes;
  throw new UserError(`Cannot use ${name}="${value}": a size is wanted, as 512m, 1.5g or 512Mi`);
}

/**
 * CPUs of `3.0`, and of `500m` (thousandths) as Kubernetes writes them.
 *
 * @throws {UserError} naming the variable, the value and the grammar
 */
export function parseCpus(name: string, value: string): number {
  const [, number, thousandths] = /^(\d+(?:\.\d+)?)(m)?$/.exec(value) ?? [];
  const cpus = thousandths ? Number(number) / 1_000 : Number(number);
  // Docker and the kernel's quota take no less.
  if (cpus >= 0.01) return cpus;
  throw new UserError(`Cannot use ${name}="${value}": CPUs are wanted, as 3.0 or 500m, 0.01 or more`);
}
