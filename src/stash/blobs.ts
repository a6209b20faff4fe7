import { Buffer } from "node:buffer";
import { Readable } from "node:stream";
import { UserError } from "../terminal/user_error.ts";
import type { FileContent, FileState } from "./file_state.ts";
import type { Git } from "./git.ts";

/** Blobs are read in groups of about this size, bytes. */
const GROUP_BYTES = 64 * 2 ** 20;

/** Stores contents as git objects with their bytes as they are: neither filters nor line ends are applied. */
export async function storeBlobs(git: Git, contents: Iterable<FileContent>): Promise<void> {
  // https://git-scm.com/docs/git-fast-import, "blob": one process, and one pack when there are many
  await git.text(["fast-import", "--quiet", "--done"], { input: Readable.from(stream(contents)) });
}

function* stream(contents: Iterable<FileContent>) {
  for (const { bytes } of contents) {
    yield Buffer.from(`blob\ndata ${bytes.length}\n`);
    yield bytes;
    yield Buffer.from("\n");
  }
  yield Buffer.from("done\n");
}

/** Reads the bytes of many states, in their order. */
export async function* readBlobs(git: Git, states: FileState[]): AsyncGenerator<Buffer> {
  for (const group of groups(states)) {
    const output = await git.bytes(["cat-file", "--batch"], { input: group.map(({ blob }) => `${blob}\n`).join("") });
    let position = 0;
    for (const { blob, size } of group) {
      // "<id> blob <size>", a line feed, the bytes, a line feed; or "<id> missing"
      const begin = output.indexOf("\n", position) + 1;
      if (output.toString("latin1", position, begin) !== `${blob} blob ${size}\n`) {
        throw new UserError(`Cannot read git object ${blob}: it is gone or damaged`, { next: "git fsck" });
      }
      yield output.subarray(begin, begin + size);
      position = begin + size + 1;
    }
  }
}

function groups(states: FileState[]): FileState[][] {
  const result: FileState[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const state of states) {
    if (bytes + state.size > GROUP_BYTES) {
      result.push([]);
      bytes = 0;
    }
    result.at(-1)!.push(state);
    bytes += state.size;
  }
  return result;
}
