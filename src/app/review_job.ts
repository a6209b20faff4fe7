import { UnrecoverableError } from "bullmq";
import type { ReviewJob } from "./review/review.ts";
import { type ReviewField, readField } from "./review_fields.ts";

/** SHA-1 or SHA-256, as git prints them. */
const OBJECT_ID = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;

/**
 * Reads and checks the data of a job: whoever reaches the queue store may have written it. Other fields are left out.
 *
 * @throws {UnrecoverableError} that names the field and what is wanted; no retry would change it
 */
export function readReviewJob(data: unknown): ReviewJob {
  if (typeof data !== "object" || data === null || Array.isArray(data)) {
    throw new UnrecoverableError("Cannot use the data of the job: an object is wanted");
  }
  // As own properties alone: a prototype that came with the data has a say in nothing.
  const text = (field: ReviewField) =>
    readField(field, Object.getOwnPropertyDescriptor(data, field)?.value, refuse(field));
  const id = (field: "base" | "head") => {
    const value = text(field);
    if (!OBJECT_ID.test(value)) throw refuse(field)("an object id of 40 or 64 hexadecimal digits is wanted");
    return value;
  };
  return { repository: text("repository"), base: id("base"), head: id("head") };
}

function refuse(field: ReviewField): (reason: string) => Error {
  return (reason) => new UnrecoverableError(`Cannot use ${field} of the job: ${reason}`);
}
