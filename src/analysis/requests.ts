import { Distribution } from "./distribution.ts";
import type { TraceTree } from "./trace_tree.ts";

const KEPT = 5_000;

/** What the requests that started jobs took. */
export class Requests {
  /** SERVER spans above an enqueue. */
  readonly server = new Distribution(KEPT);
  /** PRODUCER spans. */
  readonly enqueue = new Distribution(KEPT);

  add({ nodes, parents, jobs }: TraceTree): void {
    const servers = new Set<number>();
    for (let place = 0; place < nodes.length; place++) {
      const node = nodes[place]!;
      // What a job puts into queues is a part of the job.
      if (!node.isEnqueue || jobs[place] !== -1) continue;
      this.enqueue.add(node.endMs - node.startMs);
      let at = parents[place]!;
      while (at !== -1 && !nodes[at]!.isServer) at = parents[at]!;
      if (at !== -1) servers.add(at);
    }
    for (const place of servers) {
      const node = nodes[place]!;
      this.server.add(node.endMs - node.startMs);
    }
  }
}
