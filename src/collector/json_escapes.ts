/** Behind a backslash: four hexadecimal digits follow. */
export const UNICODE_ESCAPE = 0x75; // u

const SHORT = 'bfnrt"\\/';
const SHORT_CHARACTERS = '\b\f\n\r\t"\\/';

/** What each byte behind a backslash stands for; `undefined` where none may stand there. RFC 8259, section 7. */
export const UNESCAPED: readonly (number | undefined)[] = Array.from({ length: 256 }, (_, byte) => {
  const index = SHORT.indexOf(String.fromCharCode(byte));
  return index === -1 ? undefined : SHORT_CHARACTERS.charCodeAt(index);
});

/** How each byte that may not stand in a JSON string is written: control characters, quote and backslash. */
export const ESCAPED: readonly string[] = Array.from({ length: 0x80 }, (_, byte) =>
  JSON.stringify(String.fromCharCode(byte)).slice(1, -1),
);

const DIGITS = Int8Array.from({ length: 256 }, (_, byte) =>
  "0123456789abcdef".indexOf(String.fromCharCode(byte).toLowerCase()),
);

/** The four hexadecimal digits at `at` as a number; -1 when they are none. */
export function codeUnitAt(bytes: Buffer, at: number): number {
  let unit = 0;
  for (let i = at; i < at + 4; i++) {
    const digit = DIGITS[bytes[i]!]!;
    if (digit === -1) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}
