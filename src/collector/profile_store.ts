import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface ProfileStoreOptions {
  folder: string;
  /** Of all files together. */
  maxBytes: number;
  maxFiles: number;
}

/** A profile that was received: gzipped pprof, and its window, Unix time in ms. */
export interface ReceivedProfile {
  service: string;
  fromMs: number;
  untilMs: number;
  bytes: Uint8Array;
}

/** Keeps profiles as `<service>/<from>-<until>.pb.gz`, and removes those that came first when there are too many. */
export class ProfileStore {
  readonly #options: ProfileStoreOptions;
  /** In the order of their arrival. */
  readonly #files: { path: string; bytes: number }[] = [];
  #bytes = 0;

  /** Goes on with what is in the folder. */
  constructor(options: ProfileStoreOptions) {
    this.#options = options;
    mkdirSync(options.folder, { recursive: true, mode: 0o700 });
    const names = readdirSync(options.folder, { recursive: true, encoding: "utf8" });
    const known = names.filter((name) => name.endsWith(".pb.gz")).map((name) => join(options.folder, name));
    const stats = known.map((path) => ({ path, ...pick(statSync(path)) })).sort((a, b) => a.mtimeMs - b.mtimeMs);
    for (const { path, size } of stats) this.#keep(path, size);
  }

  /** Stores a profile, whole or not at all. @throws what the file system throws */
  add({ service, fromMs, untilMs, bytes }: ReceivedProfile): void {
    const folder = join(this.#options.folder, folderName(service));
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // CPU time and heap of one moment, or of two processes, have the same window.
    const name = (twin: number) => join(folder, `${fromMs}-${untilMs}${twin > 1 ? `-${twin}` : ""}.pb.gz`);
    let twin = 1;
    while (existsSync(name(twin))) twin++;
    const draft = join(folder, ".draft");
    try {
      writeFileSync(draft, bytes, { mode: 0o600 });
      renameSync(draft, name(twin));
    } catch (error) {
      rmSync(draft, { force: true }); // half of it takes room that others need
      throw error;
    }
    this.#keep(name(twin), bytes.length);
  }

  #keep(path: string, bytes: number): void {
    this.#bytes += bytes;
    this.#files.push({ path, bytes });
    const { maxBytes, maxFiles } = this.#options;
    while (this.#files.length > 1 && (this.#bytes > maxBytes || this.#files.length > maxFiles)) {
      const oldest = this.#files.shift();
      if (!oldest) return;
      rmSync(oldest.path, { force: true });
      this.#bytes -= oldest.bytes;
    }
  }
}

function pick({ size, mtimeMs }: { size: number; mtimeMs: number }) {
  return { size, mtimeMs };
}

/** The name of a service as that of a folder: its slashes, and dots at its beginning, are written as in a URL. */
function folderName(service: string): string {
  return encodeURIComponent(service).replace(/^\.+/, (dots) => "%2E".repeat(dots.length));
}
