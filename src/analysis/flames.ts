import type { Frame, ProfileSample } from "../otlp/profile_sample.ts";
import { OWN_CODE } from "../telemetry/names.ts";
import { Names } from "./names.ts";
import type { Flame, FlameNode, JobType } from "./report.ts";
import { limit } from "./thresholds.ts";

/** Job types that get a tree, and functions that a tree has at the most. */
const MOST_JOBS = 50;
const MOST_NODES = 20_000;
const DEEPEST = 200;
/** More is the beginning of the work, beside which the queue has a little of its own. */
const NEARLY_ALL = 0.9;
/** What belongs to no job. */
export const NO_JOB = "(no job)";

interface Branch extends FlameNode {
  byKey: Map<string, Branch>;
}

interface Tree {
  root: Branch;
  nodes: number;
  functions: Map<string, FunctionTime>;
}

/** CPU time of functions by job, from the samples of a profile. */
export class Flames {
  readonly #names = new Names();
  readonly #roots = new Map<string, Tree>();
  samples = 0;

  add({ values, labels, stack }: ProfileSample): void {
    const ns = values.cpu;
    // Heap profiles have no CPU time; a thread that has nothing to do is none of anybody's.
    if (!ns || !(ns > 0) || !Number.isFinite(ns) || stack.length === 0 || isOfNoCode(stack)) return;
    this.samples++;
    const job = labels.job === undefined ? NO_JOB : this.#names.get(labels.job);
    const known = this.#roots.get(job);
    if (!known && this.#roots.size >= MOST_JOBS) return;
    const tree = known ?? { root: branch(job, "", 0), nodes: 1, functions: new Map() };
    this.#roots.set(job, tree);
    const ms = ns / 1e6;
    let at = tree.root;
    at.totalMs += ms;
    const seen = new Set<string>();
    for (const frame of stack.slice(-DEEPEST).reverse()) {
      const { key, name, file, line } = this.#read(frame);
      let next = at.byKey.get(key);
      if (!next) {
        if (tree.nodes >= MOST_NODES) break;
        next = branch(name, file, line);
        tree.nodes++;
        at.byKey.set(key, next);
        at.children.push(next);
      }
      next.totalMs += ms;
      at = next;
      const time = tree.functions.get(key) ?? { name, file, line, selfMs: 0, totalMs: 0 };
      if (!seen.has(key)) time.totalMs += ms; // of one that calls itself once
      seen.add(key);
      tree.functions.set(key, time);
    }
    at.selfMs += ms;
    const own = tree.functions.get(keyOf(at));
    if (own) own.selfMs += ms;
  }

  /** The trees, those with the most time first; functions with less than a thousandth of it are left out. */
  flames(): Flame[] {
    return [...this.#roots]
      .sort(([, a], [, b]) => b.root.totalMs - a.root.totalMs)
      .map(([job, { root }]) => ({ job, root: prune(root, root.totalMs / 1_000) }));
  }

  /** The functions of a job with the most time of their own. */
  functions(job: string): JobType["functions"] {
    const tree = this.#roots.get(job);
    if (!tree) return undefined;
    return [...tree.functions.values()]
      .sort((a, b) => b.selfMs - a.selfMs)
      .slice(0, 15)
      .map((each) => ({ ...each, share: each.selfMs / tree.root.totalMs }));
  }

  /** Where the CPU time of a job can be attacked: the function that it goes through, then those with the most of their own. */
  suspects(job: string): Suspect[] {
    const own = (this.functions(job) ?? []).flatMap(({ name, file, line, selfMs, share }) => {
      const isNobodys = (file === "" && OF_V8.test(name)) || file.startsWith(OWN_CODE);
      return isNobodys ? [] : [{ name, file, line, cpuMs: selfMs, share }];
    });
    const through = this.#narrowest(job);
    // One that everything goes through is where the work begins, not where it is done.
    if (!through || through.share > 0.98) return own;
    return [through, ...own.filter((each) => keyOf(each) !== keyOf(through))];
  }

  /** The function of the application that takes the least of those that half of the time or more goes through, on any way. */
  #narrowest(job: string): Suspect | undefined {
    const tree = this.#roots.get(job);
    if (!tree) return undefined;
    let found: FunctionTime | undefined;
    for (const time of tree.functions.values()) {
      if (!isOfApplication(time) || time.totalMs < tree.root.totalMs / 2) continue;
      // Of two that take the same the later one, which the other has called.
      if (time.totalMs <= (found?.totalMs ?? Number.POSITIVE_INFINITY)) found = time;
    }
    if (!found) return undefined;
    const { name, file, line, totalMs } = largestBelow(tree, found) ?? found;
    return { name, file, line, cpuMs: totalMs, share: totalMs / tree.root.totalMs };
  }

  #read({ name, file, line }: Frame): { key: string; name: string; file: string; line: number } {
    const known = {
      name: this.#names.get(name || "(anonymous)"),
      file: this.#names.get(file),
      line: Number(line) || 0,
    };
    return { key: keyOf(known), ...known };
  }
}

/** A function with the CPU time that sparing it would spare. */
export interface Suspect {
  name: string;
  file: string;
  line: number;
  cpuMs: number;
  /** Of the job's CPU time. */
  share: number;
}

interface FunctionTime {
  name: string;
  file: string;
  line: number;
  selfMs: number;
  totalMs: number;
}

const keyOf = ({ name, file, line }: { name: string; file: string; line: number }) => `${name} ${line} ${file}`;

/** Entries of V8 for its own work. */
const OF_V8 = /^\(?(garbage collect(or|ion)|program)\)?$/i;

/** Entries of the profiler for what is no JavaScript of the thread. */
function isOfNoCode(stack: Frame[]): boolean {
  return /^\((idle)\)$|^Non JS threads activity$/.test(stack[0]!.name);
}

/** Of a function through which nearly everything goes as it hands the work out, the largest that gets a quarter or more. */
function largestBelow({ root, functions }: Tree, top: FunctionTime): FunctionTime | undefined {
  const least = limit("suspect") * root.totalMs;
  if (top.selfMs >= least || top.totalMs < NEARLY_ALL * root.totalMs) return undefined;
  const below = new Set<string>();
  collectBelow(root, keyOf(top), below);
  return [...functions.values()]
    .filter((time) => time.totalMs >= least && time.totalMs < root.totalMs / 2)
    .filter((time) => isOfApplication(time) && below.has(keyOf(time)))
    .reduce<FunctionTime | undefined>((most, each) => (each.totalMs > (most?.totalMs ?? 0) ? each : most), undefined);
}

function collectBelow({ byKey }: Branch, top: string, below: Set<string>, isBelow = false): void {
  for (const [key, child] of byKey) {
    if (isBelow) below.add(key);
    collectBelow(child, top, below, isBelow || key === top);
  }
}

/** Not of Node, of a package, of V8 or of what observes. */
function isOfApplication({ file, name }: Pick<FlameNode, "file" | "name">): boolean {
  const isCode = file !== "" && !name.startsWith("(program");
  return isCode && !file.startsWith(OWN_CODE) && !/^node:|(^|[\\/])node_modules[\\/]/.test(file);
}

function branch(name: string, file: string, line: number): Branch {
  return { name, file, line, totalMs: 0, selfMs: 0, children: [], byKey: new Map() };
}

function prune({ name, file, line, totalMs, selfMs, children }: FlameNode, leastMs: number): FlameNode {
  return {
    ...{ name, file, line, totalMs, selfMs },
    children: children
      .filter((child) => child.totalMs >= leastMs)
      .sort((a, b) => b.totalMs - a.totalMs)
      .map((child) => prune(child, leastMs)),
  };
}
