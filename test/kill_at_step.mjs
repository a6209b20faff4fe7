// Loaded before a script: kills its process with SIGKILL when it has made so many changes to the disk. Half a change cannot
// be seen from outside, so every call counts twice, before it and after it.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

let left = Number(process.env.KILL_AT_FILE_STEP ?? 0);
const step = () => {
  left -= 1;
  if (left === 0) process.kill(process.pid, "SIGKILL");
};
const changes = ["openSync", "writeFileSync", "fchmodSync", "chmodSync", "mkdirSync", "symlinkSync", "linkSync"];
for (const name of [...changes, "renameSync", "rmdirSync", "rmSync", "unlinkSync"]) {
  const call = fs[name];
  fs[name] = (...args) => {
    step();
    const result = call(...args);
    step();
    return result;
  };
}
syncBuiltinESMExports();
