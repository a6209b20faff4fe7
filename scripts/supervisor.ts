import { loadConfig, readEnvironment } from "../src/config.ts";
import { runSupervisor } from "../src/stack/supervisor.ts";

// Started by `make otel-up`, never by hand.
await runSupervisor(loadConfig(readEnvironment()));
