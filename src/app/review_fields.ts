/** The fields of a review, as a request has them and, resolved, a job. */
export type ReviewField = "repository" | "base" | "head";

const MAX_LENGTH: Record<ReviewField, number> = { repository: 4_096, base: 250, head: 250 };

export function isReviewField(name: string): name is ReviewField {
  return Object.hasOwn(MAX_LENGTH, name);
}

/**
 * A value as what the field takes.
 *
 * @throws what `refused` makes of the reason when it is something else
 */
export function readField(field: ReviewField, value: unknown, refused: (reason: string) => Error): string {
  if (typeof value !== "string" || value === "") throw refused("a string with at least one character is wanted");
  if (value.length > MAX_LENGTH[field]) throw refused(`it is longer than ${MAX_LENGTH[field]} characters`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a file system or git
  if (/[\0-\x1f\x7f]/.test(value)) throw refused("it holds a control character");
  if (field !== "repository" && value.startsWith("-")) throw refused(`a revision does not begin with "-"`);
  return value;
}
