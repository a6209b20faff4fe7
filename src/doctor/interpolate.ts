import type { Environment } from "../settings/environment.ts";

/**
 * Replaces `$VAR`, `${VAR}`, `${VAR:-default}`, `${VAR-default}`, `${VAR:+other}`, `${VAR+other}` and `$$` as compose
 * does; calls `onMissing` for a variable without a value and without a default, which compose makes empty or refuses.
 *
 * @see https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md
 */
export function interpolate(text: string, environment: Environment, onMissing: (name: string) => void): string {
  let result = "";
  let index = 0;
  while (index < text.length) {
    const rest = text.slice(index);
    // "$$", "$NAME", or "${NAME" with what follows up to its own "}".
    const [plain, name] = /^\$(?:\$|([A-Za-z_]\w*))/.exec(rest) ?? [];
    if (plain) {
      if (name && environment[name] === undefined) onMissing(name);
      result += name ? (environment[name] ?? "") : "$";
      index += plain.length;
    } else if (rest.startsWith("${")) {
      const length = closingBrace(rest);
      result += braced(rest.slice(2, length - 1), environment, onMissing);
      index += length;
    } else {
      result += text[index];
      index++;
    }
  }
  return result;
}

/** Length of `${...}` at the start of a text; defaults may hold further ones. */
function closingBrace(text: string): number {
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    if (text.startsWith("${", index)) depth++;
    if (text[index] === "}" && --depth === 0) return index + 1;
  }
  return text.length + 1;
}

function braced(expression: string, environment: Environment, onMissing: (name: string) => void): string {
  // The name, then one of :- - :+ + :? ? and a word.
  const [, name = "", colon, operator, word = ""] = /^(\w+)(?:(:)?([-+?])([\s\S]*))?$/.exec(expression) ?? [];
  const value = environment[name];
  const isSet = value !== undefined && !(colon && value === "");
  const other = () => interpolate(word, environment, onMissing);
  if (operator === "+") return isSet ? other() : "";
  if (isSet) return value;
  if (operator === "-") return other();
  onMissing(name);
  return "";
}
