// Characters that are not seen, or that change how their neighbours are seen: controls, formats (bidi marks, zero width,
// tags), lone surrogates, line and paragraph separators. The joiners U+200C and U+200D belong to scripts and emoji.
const unseen = /(?!\u200c|\u200d)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** A text of unknown origin with every control, bidi and invisible character shown by a sign of its own, as ␛ or ⟨U+202E⟩. */
export function visible(text: string): string {
  return text.replace(unseen, (character) => {
    const code = character.codePointAt(0)!;
    if (code < 0x20) return String.fromCodePoint(0x2400 + code); // Unicode has pictures of these
    return code === 0x7f ? "␡" : `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}

/** The first `most` characters of a text, and how many it has when that is not all. */
export function clip(text: string, most: number): string {
  if (text.length <= most) return text;
  // A character outside the basic plane is two code units: never half of one.
  const end = /[\ud800-\udbff]/.test(text[most - 1]!) ? most - 1 : most;
  return `${text.slice(0, end)}… (${text.length.toLocaleString("en-US")} characters)`;
}

/** Cut, then made visible: what any renderer shows of a text that was recorded. */
export function shown(text: string, most: number): string {
  return visible(clip(text, most));
}
