import { startCollector } from "../../src/collector/collector.ts";

// The embedded collector as a process, in a folder of its own: `child.ts <folder> <port>`.
const collector = await startCollector({ folder: process.argv[2]!, port: Number(process.argv[3]) });
process.once("SIGTERM", () => void collector.close());
