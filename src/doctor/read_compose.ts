import { parse } from "yaml";
import type { Environment } from "../settings/environment.ts";
import { UserError } from "../terminal/user_error.ts";
import { visible } from "../terminal/visible_text.ts";
import { interpolate } from "./interpolate.ts";

/** Anything that YAML may hold. */
export type Yaml = string | number | boolean | null | undefined | Yaml[] | { [key: string]: Yaml };
/** A mapping of YAML. */
export type YamlMap = { [key: string]: Yaml };

/** A compose file with its variables filled in. */
export interface ComposeFile {
  services: Record<string, YamlMap>;
  /** What could not be read, a line each. */
  notRead: string[];
}

/**
 * Reads a compose file: merge keys, variables with their defaults, environments as mappings.
 *
 * @throws {UserError} when it is no YAML or has no services
 */
export function readCompose(file: string, text: string, environment: Environment): ComposeFile {
  let document: Yaml;
  try {
    document = parse(text, { merge: true, logLevel: "error", maxAliasCount: 1_000 }) as Yaml; // what YAML holds
  } catch (cause) {
    const [said = ""] = (cause as Error).message.split("\n");
    const reason = /call stack/.test(said) ? "it is nested too deep" : visible(said);
    throw new UserError(`Cannot read "${visible(file)}": ${reason}`, { cause });
  }
  const services = mapOf(mapOf(document)?.services);
  if (!services) throw new UserError(`Cannot read "${visible(file)}": it has no services, a compose file is wanted`);
  const notRead: string[] = [];
  const filled: Record<string, YamlMap> = {};
  for (const [name, service] of Object.entries(services)) {
    const at = `${file} services.${name}`;
    const read: YamlMap = {};
    for (const [key, value] of Object.entries(mapOf(service) ?? {})) {
      const missing = (variable: string) => notRead.push(`${at}.${key}: ${variable} is not set`);
      read[key] = fill(value, environment, BEARING.has(key) ? missing : () => {});
    }
    for (const [name, text] of Object.entries(textsOf(mapOf(service)?.environment))) {
      if (!BEARING_VARIABLES.has(name)) continue;
      interpolate(text, environment, (variable) => notRead.push(`${at}.environment.${name}: ${variable} is not set`));
    }
    if (read.extends) notRead.push(`${at}.extends`);
    filled[name] = { ...read, environment: environmentOf(read.environment, environment) };
  }
  return { services: filled, notRead: [...new Set(notRead)] };
}

/** The keys that limits and flags are read from; a variable that is missing elsewhere does not matter here. */
const BEARING = new Set(["build", "command", "cpus", "deploy", "entrypoint", "env_file", "mem_limit", "memswap_limit"]);
const BEARING_VARIABLES = new Set(["NODE_OPTIONS", "DENO_V8_FLAGS", "UV_THREADPOOL_SIZE", "WORKER_CONCURRENCY"]);

/** Puts a later compose file over an earlier one: mappings are merged, all else is replaced. */
export function mergeYaml(below: Yaml, above: Yaml): Yaml {
  const [lower, upper] = [mapOf(below), mapOf(above)];
  if (!lower || !upper) return above === undefined ? below : above;
  const merged: YamlMap = { ...lower };
  for (const [key, value] of Object.entries(upper)) merged[key] = mergeYaml(lower[key], value);
  return merged;
}

/** A mapping, or `undefined` for anything else. */
export function mapOf(value: Yaml): YamlMap | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
}

/** The texts of a mapping or of a list of `KEY=value`. */
export function textsOf(value: Yaml): Environment {
  return environmentOf(value, {}) as Environment; // all its values are texts
}

function fill(value: Yaml, environment: Environment, onMissing: (name: string) => void): Yaml {
  if (typeof value === "string") return interpolate(value, environment, onMissing);
  if (Array.isArray(value)) return value.map((each) => fill(each, environment, onMissing));
  const map = mapOf(value);
  if (!map) return value;
  return Object.fromEntries(Object.entries(map).map(([key, each]) => [key, fill(each, environment, onMissing)]));
}

/** `KEY=value` lists and mappings alike; a name alone takes its value from the environment of compose. */
function environmentOf(value: Yaml, outer: Environment): YamlMap {
  const pairs: [name: string, value: Yaml][] = Array.isArray(value)
    ? value.map((each) => {
        const [, name, text] = /^([^=]*)(?:=([\s\S]*))?$/.exec(String(each)) ?? [];
        return [name ?? "", text];
      })
    : Object.entries(mapOf(value) ?? {});
  const result: YamlMap = {};
  for (const [name, given] of pairs) {
    const text = given ?? outer[name];
    if (text !== undefined) result[name] = String(text);
  }
  return result;
}
