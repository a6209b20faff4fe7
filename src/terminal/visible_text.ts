// Characters that are not seen, or that change how their neighbours are seen: controls, formats (bidi marks, zero width,
// tags), lone surrogates, line and paragraph separators. The joiners U+200C and U+200D belong to scripts and emoji.
const unseen = /(?!\u200c|\u200d)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Names of the first characters of ASCII; Unicode's pictures of them are in few fonts. */
const controls =
  "NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US".split(
    " ",
  );

/** A text of unknown origin with every control, bidi and invisible character shown by its name, as ⟨ESC⟩ or ⟨U+202E⟩. */
export function visible(text: string): string {
  return text.replace(unseen, (character) => {
    const code = character.codePointAt(0)!;
    return `⟨${controls[code] ?? (code === 0x7f ? "DEL" : `U+${code.toString(16).toUpperCase().padStart(4, "0")}`)}⟩`;
  });
}

/** What any renderer shows of a text that was recorded: visible, no more than `most` characters of it, and how many it has. */
export function shown(text: string, most: number): string {
  // Cut first, since a text may be huge, and once more, since a sign is longer than the character that it stands for.
  const seen = visible(cut(text, most));
  if (text.length <= most && seen.length <= most) return seen;
  return `${cut(seen, most)}… (${text.length.toLocaleString("en-US")} characters)`;
}

/** A character outside the basic plane is two code units: never half of one. */
function cut(text: string, most: number): string {
  const half = text.length > most && /[\ud800-\udbff]/.test(text[most - 1]!);
  return text.slice(0, half ? most - 1 : most);
}
