import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { readSampleSettings, type SampleSettings } from "../src/app/settings.ts";
import { type Environment, readEnvironment } from "../src/settings/environment.ts";

/** A folder with git repositories, for tests. */
export interface TestRoot {
  /** Absolute, without symbolic links. */
  path: string;
  /** Of a sample that reviews in it. */
  settings: SampleSettings;
  /** Creates an empty repository in the folder `name`. */
  repository(name: string, ...initOptions: string[]): Promise<TestRepository>;
  remove(): Promise<void>;
}

/** A real git repository. */
export interface TestRepository {
  path: string;
  git(...args: string[]): Promise<string>;
  /** Writes `files`, removes those that are `null`, commits everything and returns the commit id. */
  commit(files: Record<string, string | Uint8Array | null>): Promise<string>;
}

/** Creates a temporary review root; `environment` goes over that of this process. */
export async function createTestRoot(environment: Environment = {}): Promise<TestRoot> {
  const path = await realpath(await mkdtemp(join(tmpdir(), "test-root-")));
  // Nothing of the machine: an own configuration of git, an own identity.
  const env = {
    PATH: readEnvironment().PATH ?? "",
    HOME: path,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_AUTHOR_NAME: "a",
    GIT_AUTHOR_EMAIL: "a@example.org",
    GIT_COMMITTER_NAME: "c",
    GIT_COMMITTER_EMAIL: "c@example.org",
  };
  return {
    path,
    settings: { ...readSampleSettings({ ...env, REVIEW_ROOT: path, ...environment }), apiPort: 0 },
    async repository(name, ...initOptions) {
      const directory = join(path, name);
      const git = async (...args: string[]) => {
        const { stdout } = await execa("git", args, { cwd: directory, env, extendEnv: false });
        return stdout;
      };
      await mkdir(directory, { recursive: true });
      await git("init", "--quiet", "--initial-branch=main", ...initOptions);
      return {
        path: directory,
        git,
        async commit(files) {
          for (const [file, content] of Object.entries(files)) {
            const target = join(directory, file);
            await mkdir(dirname(target), { recursive: true });
            if (content === null) await rm(target);
            else await writeFile(target, content);
          }
          await git("add", "--all");
          // The message is unique: two like commits of one second would be the same object.
          await git("commit", "--quiet", "--allow-empty", `--message=${randomUUID()}`);
          return git("rev-parse", "HEAD");
        },
      };
    },
    remove: () => rm(path, { recursive: true, force: true }),
  };
}
