import { shown } from "../terminal/visible_text.ts";

const ZERO_WIDTH_SPACE = "\u200b";

/** A name of unknown origin as code: GitHub makes no mention, link, image or HTML of what stands in code. */
export function code(text: string, most: number): string {
  // A backtick would end it, a pipe ends a cell even in code, and a backslash before a pipe cannot be told from an escape.
  const safe = shown(text, most).replaceAll("`", "ˋ").replaceAll("|", "¦").trim();
  return safe === "" ? "(empty)" : `\`${safe}\``;
}

/** A sentence that may hold names of unknown origin: what Markdown or GitHub would act upon is shown instead. */
export function prose(text: string, most: number): string {
  return (
    shown(text, most)
      .trim()
      // All that has a meaning somewhere in a line, and the tilde and the pipe of GitHub.
      .replace(/[\\`*_{}[\]<>()#+!|~$&]/g, "\\$&")
      // A number or a dash at the beginning would begin a list.
      .replace(/^(\d+)([.)])(?=\s|$)/, "$1\\$2")
      .replace(/^[-=:]/, "\\$&")
      // GitHub reads mentions, issues and addresses in the finished text, so that no backslash helps. A sign without
      // width between their parts does.
      .replace(/@|:(?=\/\/)|www(?=\.)|GH(?=-)|#(?=\d)/gi, `$&${ZERO_WIDTH_SPACE}`)
  );
}
