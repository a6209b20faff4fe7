import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

/** What a child of the tax benchmark says next. @throws when it ends instead */
export async function nextMessage<T>(child: ChildProcess, name: string): Promise<T> {
  const waiting = new AbortController();
  const { signal } = waiting;
  const ended = once(child, "exit", { signal }).then(([code]): never => {
    throw new Error(`Cannot measure: the process "${name}" ended with exit code ${code}`);
  });
  ended.catch(() => {}); // when it is waited for no more
  try {
    const [said] = await Promise.race([once(child, "message", { signal }), ended]);
    return said;
  } finally {
    waiting.abort();
  }
}
