/** A name that somebody else chose may be 1 MB long, and there may be a million of them. */
const LONGEST = 200;
const MOST = 20_000;

/** What stands for the names beyond those that are kept apart. */
export const OTHER = "(others)";

/** Clips names and keeps one copy of each. */
export class Names {
  readonly #known = new Map<string, string>();

  get(name: string): string {
    const clipped = clip(name);
    const known = this.#known.get(clipped);
    if (known !== undefined) return known;
    if (this.#known.size < MOST) this.#known.set(clipped, clipped);
    return clipped;
  }
}

/** At most 200 characters of a text, the last of them an ellipsis where there was more. */
export function clip(text: string): string {
  if (text.length <= LONGEST) return text;
  // Through bytes: a slice would keep the whole text in memory. Half a character at the end becomes one of its own.
  return `${Buffer.from(text.slice(0, LONGEST - 1)).toString()}…`;
}

/** Values by name, of which the first names are kept apart and the rest is one. */
export class ByName<T> {
  readonly #values = new Map<string, T>();
  readonly #most: number;
  readonly #create: () => T;

  constructor(most: number, create: () => T) {
    this.#most = most;
    this.#create = create;
  }

  get(name: string): T {
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    const key = this.#values.size < this.#most ? name : OTHER;
    const value = this.#values.get(key) ?? this.#create();
    this.#values.set(key, value);
    return value;
  }

  entries(): [string, T][] {
    return [...this.#values];
  }
}
