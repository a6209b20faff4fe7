import { cpSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../src/settings/config.ts";

/**
 * A new folder with `node_modules` in which the packages of this project stand, and other versions under their own names:
 * `{ bullmq: "bullmq5" }` has `require("bullmq")` load what package.json calls `bullmq5`. What hooks a package looks at the name of
 * its folder. Whoever asked for it removes it.
 */
export function makePackageFolder(versions: Record<string, string> = {}): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "prodlike-packages-")));
  const installed = join(ROOT, "node_modules");
  const packages = join(folder, "node_modules");
  mkdirSync(packages);
  for (const name of readdirSync(installed)) {
    if (!(name in versions) && !name.startsWith(".")) symlinkSync(join(installed, name), join(packages, name));
  }
  // Copies, as Node takes the real path of a link.
  for (const [name, installedAs] of Object.entries(versions)) {
    cpSync(join(installed, installedAs), join(packages, name), {
      recursive: true,
      filter: (path) => !/\.(d\.ts|map)$|dist\/esm/.test(path),
    });
  }
  return folder;
}
