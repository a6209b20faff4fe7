/** A request that cannot be taken: why, and the HTTP status to answer with. */
export class Refusal extends Error {
  override name = "Refusal";
  status: number;

  constructor(message: string, status = 400, cause?: unknown) {
    super(message, { cause });
    this.status = status;
  }
}
