import { EXIT, type Outcome, type Terminal } from "../terminal/terminal.ts";
import { UserError } from "../terminal/user_error.ts";

/** The state of the repository forbids it, and nothing was changed: exit code 1, where other errors are 2. */
export class Refusal extends UserError {
  override name = "Refusal";
}

/** Runs `work`; a {@link Refusal} is printed as errors are and becomes an outcome. */
export async function orRefuse({ say, paint }: Terminal, work: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    say(`${paint("red", "refused:")} ${error.message}`);
    if (error.next) say(`next:  ${error.next}`);
    return { code: EXIT.disproved, json: { ok: false, outcome: "refused", error: error.message } };
  }
}
