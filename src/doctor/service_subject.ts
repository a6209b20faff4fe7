import type { Environment } from "../settings/environment.ts";
import { parseBytes, parseCpus } from "../settings/quantities.ts";
import { type OptionSource, splitWords } from "./node_options.ts";
import { readCommand, type Scripts } from "./read_command.ts";
import { mapOf, textsOf, type Yaml, type YamlMap } from "./read_compose.ts";
import type { Stage } from "./read_dockerfile.ts";
import { lastOf, optionsOf } from "./settings_subject.ts";
import type { Placed, Subject } from "./subject.ts";

/** One process of an application, as its files describe it. */
export interface Process {
  name: string;
  /** The service of a compose file, and its place there. */
  service?: { where: string; values: YamlMap };
  /** Its `env_file`s, in order. */
  files: [where: string, values: Environment][];
  /** Its Dockerfile, and the stage that runs. */
  image?: { where: string; stages: Stage[]; stage: Stage };
  scripts: Scripts;
  /** Major version of Node that the package asks for. */
  nodeMajor?: number;
}

/** The subject of a process; `undefined` when it is none of Node or Deno. */
export function processSubject(process: Process, notRead: string[]): Subject | undefined {
  const { name, service, files, image, scripts } = process;
  const values = service?.values ?? {};
  const at = service?.where ?? image?.where ?? "package.json";
  const places: [where: string, values: Environment][] = [
    ...(image ? [[`${image.where} ENV`, image.stage.environment] as [string, Environment]] : []),
    ...files,
    [`${at}.environment`, textsOf(values.environment)],
  ];
  const started = readCommand(commandOf(process), scripts);
  for (const { script, values: assigned } of started.assignments) {
    places.push([script === undefined ? `${at} command` : `package.json scripts.${script}`, assigned]);
  }
  const baseImage = String(image?.stage.image ?? values.image ?? "");
  const runtime = started.runtime ?? runtimeOf(baseImage);
  if (!runtime) return undefined;

  const isHidden = (where: string) => /^package\.json scripts| ENV$|Dockerfile/.test(where);
  const options: OptionSource[] = places
    .flatMap(([where, each]) => optionsOf(where, each))
    .map((option) => ({ ...option, isHidden: isHidden(option.where) }));
  const commandWhere =
    started.script === undefined ? commandPlace(process, at) : `package.json scripts.${started.script}`;
  const text = started.isShell
    ? fillShell(started.text, commandWhere, Object.assign({}, ...places.map(([, each]) => each)), notRead)
    : started.text;
  options.push({ where: commandWhere, kind: "command", text, isHidden: isHidden(commandWhere) });

  const deploy = mapOf(mapOf(mapOf(values.deploy)?.resources)?.limits) ?? {};
  const read = <T>(key: string, value: Yaml, parse: (name: string, text: string) => T): Placed<T>[] => {
    // Compose takes 0 for "no limit".
    if (value === undefined || value === null || value === "" || Number(value) === 0) return [];
    try {
      return [{ where: `${at}.${key}`, value: parse(`${at}.${key}`, String(value)) }];
    } catch (error) {
      notRead.push((error as Error).message);
      return [];
    }
  };
  const memory = [
    ...read("mem_limit", values.mem_limit, parseBytes),
    ...read("deploy.resources.limits.memory", deploy.memory, parseBytes),
  ];
  const [cpus] = [
    ...read("cpus", values.cpus, parseCpus),
    ...read("deploy.resources.limits.cpus", deploy.cpus, parseCpus),
  ];
  const [memorySwap] = read("memswap_limit", values.memswap_limit, (key, size) =>
    size === "-1" ? Number.POSITIVE_INFINITY : parseBytes(key, size),
  );
  const threadpool = lastOf("UV_THREADPOOL_SIZE", places);
  const concurrency = lastOf("WORKER_CONCURRENCY", places);
  const unusedOptions = unusedIn(process, options);
  return {
    name,
    runtime,
    nodeMajor: nodeMajorOf(baseImage) ?? process.nodeMajor,
    ...(cpus ? { cpus } : {}),
    memory,
    ...(memorySwap ? { memorySwap } : {}),
    options,
    unusedOptions,
    ...(threadpool ? { threadpool } : {}),
    ...(concurrency && /^\d+$/.test(concurrency.value)
      ? { concurrency: { where: concurrency.where, value: Number(concurrency.value) } }
      : {}),
    denoUsesCgroups: baseImage.startsWith("denoland/deno") || lastOf("DENO_USE_CGROUPS", places) !== undefined,
  };
}

/** What is started: the service's words over those of the image; with neither file, the package's `start`. */
function commandOf({ service, image, scripts }: Process): string | string[] {
  if (!service && !image) return scripts.start ? ["npm", "start"] : [];
  const own = wordsOf(service?.values.command);
  const entrypoint = wordsOf(service?.values.entrypoint);
  if (entrypoint) return [...entrypoint, ...(own ?? [])];
  const stage = image?.stage;
  const command = own ?? stage?.command ?? [];
  if (typeof stage?.entrypoint === "string") return stage.entrypoint; // a shell, which takes no further words
  if (!stage?.entrypoint) return command;
  return [...stage.entrypoint, ...(typeof command === "string" ? ["sh", "-c", command] : command)];
}

/** Compose splits a text into words itself, without a shell. */
function wordsOf(value: Yaml): string[] | undefined {
  if (typeof value === "string") return splitWords(value);
  return Array.isArray(value) ? value.map(String) : undefined;
}

function commandPlace({ service, image }: Process, at: string): string {
  if (service && (service.values.command ?? service.values.entrypoint) !== undefined) return `${at}.command`;
  return image ? `${image.where} CMD` : at;
}

/** Replaces the variables of a shell's command; a heap flag whose value is not known is left out, and said. */
function fillShell(text: string, where: string, values: Environment, notRead: string[]): string {
  const filled = text.replace(/\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))/g, (whole, braced, fallback, bare) => {
    return values[braced ?? bare] ?? fallback ?? whole;
  });
  return filled.replace(/--\S*\$\S*/g, (flag) => {
    notRead.push(`${where}: ${flag}`);
    return "";
  });
}

/** Heap flags of other stages, of their RUN lines, and of scripts that run the application but not this process. */
function unusedIn({ image, scripts }: Process, used: OptionSource[]): OptionSource[] {
  const stages = (image?.stages ?? []).flatMap((stage): OptionSource[] => {
    const where = `${image!.where} stage ${stage.name}`;
    const runs = stage.runs.map((text) => flagsAnywhere(`${where} RUN`, text));
    return [...(stage === image!.stage ? [] : optionsOf(`${where} ENV`, stage.environment)), ...runs];
  });
  const others = Object.entries(scripts).flatMap(([script, text]) => {
    const where = `package.json scripts.${script}`;
    // What builds and checks has a heap of its own.
    if (!/^(start|serve|server|worker|prod)/.test(script) || used.some((source) => source.where === where)) return [];
    return [flagsAnywhere(where, text)];
  });
  return [...stages, ...others];
}

/** The heap flags in a shell's line, wherever they stand in it. */
function flagsAnywhere(where: string, text: string): OptionSource {
  return { where, kind: "NODE_OPTIONS", text: (text.match(/--max[\w-]*=\d+/g) ?? []).join(" ") };
}

function runtimeOf(image: string): "node" | "deno" | undefined {
  if (/(^|\/)node(:|@|$)/.test(image)) return "node";
  return /(^|\/)deno(:|@|$)/.test(image) ? "deno" : undefined;
}

function nodeMajorOf(image: string): number | undefined {
  const [, major] = /(?:^|\/)node:(\d+)/.exec(image) ?? [];
  return major ? Number(major) : undefined;
}
