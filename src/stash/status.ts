import { UserError } from "../terminal/user_error.ts";
import { visible } from "../terminal/visible_text.ts";
import { Refusal } from "./refusal.ts";
import type { Repository } from "./repository.ts";

/** One path that git sees as changed; `path` as seen from the top of the repository. */
export interface Change {
  path: string;
  kind: "tracked" | "untracked" | "ignored";
  /** For people, as `modified (staged), deleted`. */
  state: string;
}

/** What git says of some paths. */
export interface Status {
  changes: Change[];
  /** The name of the branch, or `(detached)`. */
  branch: string;
  /** The id of its last commit. */
  head: string;
}

/**
 * The changes under `paths`, pathspecs as seen from the application's folder; with `ignored` also what git ignores.
 * https://git-scm.com/docs/git-status, "Porcelain Format Version 2"
 *
 * @throws {Refusal} when one of them is a submodule, unmerged, or has a name that is no text
 * @throws {UserError} when there is no commit yet
 */
export async function readStatus({ appGit }: Repository, paths: string[], { ignored = false } = {}): Promise<Status> {
  const shape = ["--porcelain=v2", "-z", "--branch", "--no-ahead-behind", "--no-renames", "--untracked-files=all"];
  const scope = ["--ignore-submodules=none", `--ignored=${ignored ? "traditional" : "no"}`];
  const output = await appGit.text(["status", ...shape, ...scope, "--", ...paths]);
  const changes = new Map<string, Change>();
  let [branch, head] = ["", ""];
  for (const line of output.split("\0")) {
    // "# branch.head name"
    const [, header, value] = /^# (\S+) (.*)$/.exec(line) ?? [];
    if (header === "branch.head") branch = value!;
    if (header === "branch.oid") head = value!;
    const change = changeOf(line);
    // A path that was removed from the index and is still there comes twice: what git tracks comes first.
    if (change && !changes.has(change.path)) changes.set(change.path, change);
  }
  if (head === "(initial)") {
    throw new UserError("Cannot set changes aside: there is no commit yet", { next: "git commit" });
  }
  return { changes: [...changes.values()], branch, head };
}

function changeOf(line: string): Change | undefined {
  // "1 XY sub mH mI mW hH hI path", "u XY sub m1 m2 m3 mW h1 h2 h3 path", "? path", "! path"
  const [, xy, submodule, tracked] = /^1 (..) (\S+) (?:\S+ ){5}([\s\S]*)$/.exec(line) ?? [];
  const [, unmerged] = /^u (?:\S+ ){9}([\s\S]*)$/.exec(line) ?? [];
  const [, mark, other] = /^([?!]) ([\s\S]*)$/.exec(line) ?? [];
  const path = tracked ?? unmerged ?? other;
  if (path === undefined) return undefined;
  const reason =
    (unmerged !== undefined && "is unmerged") ||
    (submodule?.startsWith("S") && "is a submodule") ||
    (path.endsWith("/") && "is a repository of its own") ||
    (path.includes("\u{FFFD}") && "has a name that is not UTF-8");
  if (reason) {
    throw new Refusal(`Cannot set "${visible(path)}" aside: it ${reason}`, {
      next: `leave it out: list :!${visible(path)} as well`,
    });
  }
  const kind = tracked !== undefined ? "tracked" : mark === "?" ? "untracked" : "ignored";
  return { path, kind, state: xy ? words(xy) : kind };
}

const LETTERS: Record<string, string> = { M: "modified", T: "type changed", A: "added", D: "deleted" };

function words(xy: string): string {
  if (xy === ".A") return "intent to add";
  const [x, y] = xy.split("").map((letter) => LETTERS[letter]);
  return [x && `${x} (staged)`, y].filter(Boolean).join(", ");
}
