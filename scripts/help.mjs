// The menu. Plain JavaScript, so that it works before anything is installed: targets come from the Makefile's `##`
// comments, variables and their defaults from .env.example, which a test compares with src/settings/table.ts.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseEnv } from "node:util";
import { shownRequests, shownUrl, shownVariables } from "../src/terminal/shown_values.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const read = (name) => (existsSync(join(root, name)) ? readFileSync(join(root, name), "utf8") : "");
const dotenv = parseEnv(read(".env"));

console.log("make <target> [VARIABLE=value ...]\n");
for (const [, target, text] of read("Makefile").matchAll(/^([a-z-]+):[^#\n]*## (.*)$/gm)) {
  console.log(`  ${target.padEnd(14)} ${text}`);
}
console.log("\nvariables, with their current values (command line, environment, .env, default):\n");
// Pairs of lines: "# what it is", then "NAME=default" or, when the default is computed, "# NAME=".
for (const [, text, name, fallback] of read(".env.example").matchAll(/^# (.*)\n(?:# )?([A-Z_]+)=(.*)$/gm)) {
  const value = process.env[name] || dotenv[name] || fallback;
  const shown = value === fallback ? value : withoutSecrets(name, value, fallback);
  console.log(`  ${name.padEnd(19)} ${(shown || "-").padEnd(16)} ${text}`);
}

function withoutSecrets(name, value, fallback) {
  if (name.endsWith("_ENV")) return shownVariables(value, fallback);
  if (name.endsWith("_URL")) return shownUrl(value);
  return name === "JOB_REQUEST" ? shownRequests(value) : value;
}
