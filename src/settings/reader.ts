import { shownUrl } from "../terminal/shown_values.mjs";
import { UserError } from "../terminal/user_error.ts";
import type { Environment } from "./environment.ts";
import type { Setting } from "./table.ts";

/** Reads settings of one table out of an environment; an empty value counts as unset. */
export interface Reader {
  /** As it is given, else its default; empty when there is neither. */
  text(name: string): string;
  isGiven(name: string): boolean;
  /** @throws {UserError} when it is no whole number within `[least, most]` */
  whole(name: string, range: [least: number, most: number]): number;
  port(name: string): number;
  /** KEY=value pairs. */
  assignments(name: string): Environment;
  httpUrl(name: string, text?: string): string;
}

/** @throws {UserError} when a setting that has only some values has another, naming it, its value and what is allowed */
export function readerOf(environment: Environment, table: readonly Setting[]): Reader {
  for (const { name, allowed } of table) {
    const value = environment[name];
    if (!value || !allowed || allowed.includes(value)) continue;
    throw new UserError(
      `Cannot use ${name}="${value}": allowed ${allowed.length > 1 ? "values are" : "is"} ${allowed.join(", ")}`,
    );
  }
  const reader: Reader = {
    text: (name) => environment[name] || table.find((setting) => setting.name === name)?.default || "",
    isGiven: (name) => Boolean(environment[name]),
    whole: (name, range) => whole(name, reader.text(name), range),
    port: (name) => reader.whole(name, [1, 65_535]),
    assignments: (name) => assignments(name, reader.text(name)),
    httpUrl: (name, text = reader.text(name)) => httpUrl(name, text),
  };
  return reader;
}

/** @throws {UserError} when the setting `name` is no whole number within `[least, most]` */
export function whole(name: string, value: string, [least, most]: [number, number]): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= least && number <= most) return number;
  throw new UserError(`Cannot use ${name}="${value}": a whole number from ${least} to ${most} is wanted`);
}

/** @throws {UserError} when the setting `name` is no address of HTTP */
export function httpUrl(name: string, value: string): string {
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value;
  throw new UserError(`Cannot use ${name}="${shownUrl(value)}": an http:// or https:// address is wanted`);
}

/** Reads `KEY=value OTHER="with spaces"`. */
function assignments(name: string, value: string): Environment {
  const result: Environment = {};
  // A name, "=", then a quoted or an unquoted value, up to white space or the end.
  const one = /\s*([A-Za-z_]\w*)=(?:"([^"]*)"|'([^']*)'|([^\s"']*))(?=\s|$)/y;
  const rest = value.trimEnd();
  while (one.lastIndex < rest.length) {
    const found = one.exec(rest);
    if (!found) throw new UserError(`Cannot use ${name}: KEY=value pairs separated by spaces are wanted`);
    result[found[1]!] = found[2] ?? found[3] ?? found[4] ?? "";
  }
  return result;
}
