import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { parseEnv } from "node:util";
import { readPlainFile } from "../files/plain_file.ts";
import type { Environment } from "../settings/environment.ts";
import { UserError } from "../terminal/user_error.ts";
import { visible } from "../terminal/visible_text.ts";
import { flagsIn } from "./node_options.ts";
import type { Scripts } from "./read_command.ts";
import { mapOf, mergeYaml, readCompose, textsOf, type Yaml, type YamlMap } from "./read_compose.ts";
import { readStages } from "./read_dockerfile.ts";
import { type Process, processSubject } from "./service_subject.ts";
import type { Subject } from "./subject.ts";

/** What the files of an application say of the limits of its processes. */
export interface Application {
  subjects: Subject[];
  /** The files that were read, relative to the application. */
  read: string[];
  /** What was met and could not be read, a line each. */
  notRead: string[];
}

/**
 * Reads the limits and flags of an application from its compose files, Dockerfiles and package.json.
 *
 * @param app its folder, or one compose file
 * @throws {UserError} when there is nothing to read, or a file cannot be read
 */
export function readApplication(app: string, environment: Environment): Application {
  if (!existsSync(app)) throw new UserError(`Cannot read APP="${visible(app)}": there is no such file or folder`);
  const isFolder = statSync(app).isDirectory();
  const folder = isFolder ? app : dirname(app);
  const result: Application = { subjects: [], read: [], notRead: [] };
  const reader = { folder, result, environment: { ...readEnvFile(folder, result), ...environment } };
  const files = isFolder ? readdirSync(folder).sort().filter(isComposeFile) : [basename(app)];
  for (const [layer, services] of layersOf(files, reader)) {
    for (const [name, values] of Object.entries(services))
      addSubject(serviceProcess(layer, name, values, reader), result);
  }
  if (files.length === 0) addSubject(imageProcess(reader), result);
  result.subjects = leaveUsed(result.subjects).filter(hasLimits);
  result.read = [...new Set(result.read)];
  result.notRead = [...new Set(result.notRead)];
  if (result.read.length > 0) return result;
  throw new UserError(`Cannot read APP="${visible(app)}": a compose file, a Dockerfile or a package.json is wanted`);
}

interface Reader {
  folder: string;
  environment: Environment;
  result: Application;
}

function isComposeFile(name: string): boolean {
  return /^(docker-)?compose(\.[\w.-]+)?\.ya?ml$/.test(name);
}

/** The services by file: the first file with its override, then each further file on top of them. */
function layersOf(files: string[], reader: Reader): [layer: string, services: Record<string, YamlMap>][] {
  const read = (file: string) => {
    const found = readPlainFile(resolve(reader.folder, file));
    if (!found || "reason" in found) {
      throw new UserError(`Cannot read "${visible(file)}": ${found?.reason ?? "it is gone"}, a compose file is wanted`);
    }
    reader.result.read.push(file);
    const { services, notRead } = readCompose(file, found.text, reader.environment);
    reader.result.notRead.push(...notRead);
    return services;
  };
  const base = files.find((file) => /^(docker-)?compose\.ya?ml$/.test(file)) ?? files[0];
  if (!base) return [];
  const override = files.find((file) => /^(docker-)?compose\.override\.ya?ml$/.test(file));
  const below = mergeYaml(read(base), override && read(override)) as Record<string, YamlMap>; // two mappings of services
  const layers: [string, Record<string, YamlMap>][] = [[base, below]];
  for (const file of files.filter((each) => each !== base && each !== override)) {
    const services = Object.entries(read(file)).map(([name, values]) => [name, mergeYaml(below[name], values)]);
    layers.push([file, Object.fromEntries(services)]);
  }
  return layers;
}

function serviceProcess(file: string, name: string, values: YamlMap, reader: Reader): Process {
  const build = typeof values.build === "string" ? { context: values.build } : mapOf(values.build);
  const context = String(build?.context ?? ".");
  const files = envFilesOf(values.env_file).flatMap((path): [string, Environment][] => {
    const text = readText(path, reader);
    if (text === undefined) reader.result.notRead.push(`${file} services.${name}.env_file: there is no ${path}`);
    return text === undefined ? [] : [[path, parseEnv(text) as Environment]]; // every value is a text
  });
  const dockerfile = join(context, String(build?.dockerfile ?? "Dockerfile"));
  return {
    name: `${file} ${name}`,
    service: { where: `${file} services.${name}`, values },
    files,
    ...(build ? readImage(dockerfile, reader, { target: build.target, args: textsOf(build.args) }) : {}),
    ...readPackage(build ? context : ".", reader),
  };
}

function imageProcess(reader: Reader): Process {
  const image = readImage("Dockerfile", reader, { target: undefined, args: {} });
  const name = image.image ? "Dockerfile" : "package.json";
  return { name, files: [], ...image, ...readPackage(".", reader) };
}

function addSubject(process: Process, { subjects, notRead }: Application): void {
  const subject = processSubject(process, notRead);
  if (subject) subjects.push(subject);
}

/** What does not reach one process and does reach another is used all the same. */
function leaveUsed(subjects: Subject[]): Subject[] {
  const used = new Set(subjects.flatMap(({ options }) => options.flatMap(({ where, text }) => [where, text])));
  return subjects.map((subject) => ({
    ...subject,
    unusedOptions: subject.unusedOptions.filter(({ where, text }) => !used.has(where) && !used.has(text)),
  }));
}

/** Whether anything is said of the limits of a process. */
function hasLimits({ memory, memorySwap, threadpool, options, unusedOptions }: Subject): boolean {
  if (memory.length > 0 || memorySwap || threadpool) return true;
  return [...options, ...unusedOptions].some((source) => flagsIn(source).length > 0);
}

function readImage(
  path: string,
  reader: Reader,
  { target, args }: { target: Yaml; args: Environment },
): Pick<Process, "image"> {
  const text = readText(path, reader);
  if (text === undefined) return {};
  const stages = readStages(text, args);
  const stage = target ? stages.find(({ name }) => name === String(target)) : stages.at(-1);
  if (stage) return { image: { where: path, stages, stage } };
  reader.result.notRead.push(`${path}: ${target ? `it has no stage ${target}` : "it has no FROM"}`);
  return {};
}

function readPackage(folder: string, reader: Reader): { scripts: Scripts; nodeMajor?: number } {
  const path = join(folder, "package.json");
  const text = readText(path, reader) ?? (folder === "." ? undefined : readText("package.json", reader));
  if (text === undefined) return { scripts: {} };
  try {
    const scripts = mapOf(mapOf(JSON.parse(text))?.scripts);
    const major = Number.parseInt((readText(join(folder, ".nvmrc"), reader) ?? "").replace(/^v/, ""), 10);
    return { scripts: textsOf(scripts), ...(major > 0 ? { nodeMajor: major } : {}) };
  } catch (cause) {
    throw new UserError(`Cannot read "${visible(path)}": ${visible((cause as Error).message)}`, { cause });
  }
}

function envFilesOf(value: Yaml): string[] {
  const list = Array.isArray(value) ? value : value === undefined ? [] : [value];
  return list.map((each) => String(mapOf(each)?.path ?? each));
}

/** The text of a file of the application, and a note that it was read or why not; `undefined` when there is none. */
function readText(path: string, { folder, result }: Reader): string | undefined {
  const full = resolve(folder, path);
  const found = readPlainFile(full);
  if (!found) return undefined;
  if ("reason" in found) {
    result.notRead.push(`${path}: ${found.reason}`);
    return undefined;
  }
  result.read.push(relative(folder, full));
  return found.text;
}

/** What compose takes its variables from. */
function readEnvFile(folder: string, { notRead }: Application): Environment {
  const found = readPlainFile(join(folder, ".env"));
  if (found && "reason" in found) notRead.push(`.env: ${found.reason}`);
  return found && "text" in found ? (parseEnv(found.text) as Environment) : {}; // every value is a text
}
