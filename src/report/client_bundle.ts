import { join } from "node:path";
import { buildSync } from "esbuild";

/** Script and styles of the HTML report, from `client/` and the packages that it imports: one text each, no imports left. */
export function bundleClient(): { script: string; styles: string } {
  const { outputFiles } = buildSync({
    entryPoints: [join(import.meta.dirname, "client", "main.ts")],
    bundle: true,
    write: false,
    minify: true,
    charset: "ascii",
    legalComments: "inline", // the licences of what is in it
    format: "iife",
    target: ["chrome123", "firefox120", "safari17.5"], // the first with the CSS function light-dark()
    outdir: "out",
    // Neither a tsconfig of whoever calls nor the one of the client has a say in the result.
    tsconfigRaw: {},
    logLevel: "silent",
  });
  const text = (ending: string) => outputFiles.find(({ path }) => path.endsWith(ending))?.text ?? "";
  return { script: text(".js"), styles: text(".css") };
}
