// Synthetic jobs whose parts are known: each is what one job of several does.
import { execFile } from "node:child_process";
import { pbkdf2 } from "node:crypto";
import type { Socket } from "node:net";
import { promisify } from "node:util";
import { GCProfiler } from "node:v8";
import { connect, type Recorder } from "./recorder.ts";

export type Work = (job: Recorder) => Promise<void>;

export interface Surroundings {
  /** Of the process that answers. */
  port: number;
  /** A connection to it, of its own for each job, that was made before. */
  sockets: Socket[];
}

/** The jobs of each workload, which begin together; those that are named so run under a quota. */
export const workloads: Record<string, (surroundings: Surroundings) => Work[]> = {
  "CPU only": () => [async (job) => job.burn(300)],
  "CPU in 100 pieces": () => [
    async (job) => {
      for (let i = 0; i < 100; i++) {
        job.burn(3);
        await job.yield();
      }
    },
  ],
  "timer only": () => [(job) => job.sleep(400)],
  "I/O only": ({ sockets }) => [(job) => job.ask(sockets[0]!, 400)],
  "I/O on a connection of its own": ({ port }) => [
    async (job) => {
      const socket = await connect(port);
      await job.ask(socket, 400);
      socket.destroy();
    },
  ],
  "thread pool": () => [
    (job) =>
      job.pending(async () => {
        await promisify(pbkdf2)("a", "b", 300_000, 64, "sha512");
      }),
  ],
  "child process": () => [
    (job) =>
      job.pending(async () => {
        await promisify(execFile)("sleep", ["0.4"]);
      }),
  ],
  garbage: () => [
    async (job) => {
      const profiler = new GCProfiler();
      profiler.start();
      const kept: object[] = [];
      const until = performance.now() + 600;
      job.burnWhile(() => {
        for (let i = 0; i < 1_000; i++) kept[(i * 7919) % 300_000] = { i, text: new Array(40).fill(i) };
        return performance.now() < until;
      });
      const { statistics } = profiler.stop();
      job.gcMs = statistics.reduce((total, { cost }) => total + cost / 1e3, 0);
    },
  ],
  "I/O of 400 ms beside CPU of 400 ms": ({ sockets }) => [
    (job) => job.ask(sockets[0]!, 400),
    async (job) => {
      await job.sleep(20);
      job.burn(340);
    },
  ],
  "a neighbour blocks a timer that is due": () => [
    (job) => job.sleep(100),
    async (job) => {
      await job.sleep(20);
      job.burn(400);
    },
  ],
  "a neighbour blocks what could run at once": () => [
    async (job) => {
      await job.sleep(50);
      await job.yield();
      job.burn(50);
    },
    async (job) => {
      await job.sleep(50);
      job.burn(300);
    },
  ],
  "a neighbour blocks I/O that has come": ({ sockets }) => [
    (job) => job.ask(sockets[0]!, 100),
    async (job) => {
      await job.sleep(50);
      job.burn(400);
    },
  ],
  "two computing in turns": () => {
    const turns: Work = async (job) => {
      for (let i = 0; i < 20; i++) {
        job.burn(10);
        await job.yield();
      }
    };
    return [turns, turns];
  },
  "sequence of waits and work": ({ sockets }) => [
    async (job) => {
      for (let i = 0; i < 4; i++) {
        job.burn(40);
        await job.sleep(60);
        await job.ask(sockets[0]!, 40);
      }
    },
  ],
  "0.5 CPUs, one job": () => [async (job) => job.burnCpu(300)],
  "0.5 CPUs, two jobs in turns": () => {
    const turns: Work = async (job) => {
      for (let i = 0; i < 10; i++) {
        job.burnCpu(20);
        await job.yield();
      }
    };
    return [turns, turns];
  },
  "mixed, 1 at once": ({ sockets }) => mixed(1, sockets),
  "mixed, 10 at once": ({ sockets }) => mixed(10, sockets),
  "mixed, 50 at once": ({ sockets }) => mixed(50, sockets),
};

/** Jobs that compute, wait for a timer and wait for I/O, all out of step. */
function mixed(count: number, sockets: Socket[]): Work[] {
  return Array.from({ length: count }, (_, index): Work => {
    return async (job) => {
      await job.sleep(10 + ((index * 37) % 200));
      for (let i = 0; i < 3; i++) {
        job.burn(400 / count + (index % 3));
        await job.sleep(150 + ((index * 13) % 190));
        await job.ask(sockets[index]!, 120 + ((index * 29) % 180));
      }
    };
  });
}
