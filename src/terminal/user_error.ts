/** An error that its text explains completely: a user's mistake or a state of the machine. Printed as one line, never with a stack. */
export class UserError extends Error {
  override name = "UserError";
  /** The command to type next. */
  next: string | undefined;

  constructor(message: string, { next, cause }: { next?: string; cause?: unknown } = {}) {
    super(message, { cause });
    this.next = next;
  }
}

/** What was to be shown does not hold, which is a result: exit code 1. The message says why. */
export class FailedError extends UserError {
  override name = "FailedError";
}
