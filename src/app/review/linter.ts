import { basename } from "node:path";
import type { Linter as EslintLinter } from "eslint";
import type { Source } from "./sources.ts";

/** One problem on an added or changed line. */
export interface LintFinding {
  file: string;
  line: number;
  column: number;
  severity: "error" | "warning";
  /** The rule's name in ESLint, or `parse-error`. */
  rule: string;
  message: string;
}

/** The findings of one file; throws when a rule fails on it. */
export type Lint = (source: Source) => LintFinding[];

const PARSE_ERROR = "parse-error";
/** A message may hold an identifier as long as its file. */
const MAX_MESSAGE_LENGTH = 300;

/** Mistakes that typescript-eslint leaves to ESLint's own rules; none is a matter of taste. */
const CORE_RULES = {
  "no-async-promise-executor": "error",
  "no-cond-assign": "error",
  "no-constant-condition": ["error", { checkLoops: "none" }],
  "no-debugger": "error",
  "no-dupe-else-if": "error",
  "no-duplicate-case": "error",
  "no-eval": "error",
  "no-fallthrough": "error",
  "no-implied-eval": "error",
  "no-loss-of-precision": "error",
  "no-self-assign": "error",
  "no-self-compare": "error",
  "no-sparse-arrays": "error",
  "no-unsafe-finally": "error",
  "no-unsafe-optional-chaining": "error",
  "use-isnan": "error",
  "valid-typeof": "error",
  eqeqeq: ["warn", "smart"],
  "no-promise-executor-return": "warn",
  "no-template-curly-in-string": "warn",
  "no-unreachable-loop": "warn",
  "no-var": "warn",
  "prefer-const": "warn",
} satisfies EslintLinter.RulesRecord;

/**
 * Loads ESLint and typescript-eslint, some 90 MB of memory, and sets their rules.
 * The configuration is this one alone: that of the reviewed repository is code and never loaded.
 */
export async function loadLinter(): Promise<Lint> {
  const [{ Linter }, { default: typescriptEslint }] = await Promise.all([
    import("eslint/universal"),
    import("typescript-eslint"),
  ]);
  const linter = new Linter({ configType: "flat" });
  const config: EslintLinter.Config[] = [
    { files: ["**/*.{ts,tsx,mts,cts,js,jsx,mjs,cjs}"], linterOptions: { reportUnusedDisableDirectives: "off" } },
    // Two declarations of one plugin interface: typescript-eslint's is narrower where ESLint's is generic.
    ...(typescriptEslint.configs.recommended as EslintLinter.Config[]),
    { rules: CORE_RULES },
    // CommonJS has no other way to import.
    { files: ["**/*.{js,cjs}"], rules: { "@typescript-eslint/no-require-imports": "off" } },
  ];
  const rules = new Set(config.flatMap((part) => Object.keys(part.rules ?? {})));

  return ({ file, text }) => {
    // The base name is enough for ESLint, and a folder called node_modules would make it skip the file.
    const messages = linter.verify(text, config, { filename: basename(file.path) });
    return messages
      .filter(({ fatal, ruleId, line }) =>
        // Comments of the file may switch other rules on; only ours are reported.
        fatal ? true : ruleId !== null && rules.has(ruleId) && file.addedLines.has(line),
      )
      .map(({ fatal, ruleId, line, column, severity, message }) => ({
        file: file.path,
        line,
        column,
        severity: severity === 2 ? "error" : "warning",
        rule: fatal ? PARSE_ERROR : (ruleId ?? PARSE_ERROR),
        message: message.slice(0, MAX_MESSAGE_LENGTH),
      }));
  };
}
