import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { openCgroup } from "../cgroup.ts";
import { findMechanism } from "./mechanism.ts";
import { planEnforcement } from "./plan_enforcement.ts";

const limits = { cpus: 1.5, memoryBytes: 512 * 2 ** 20 };
const system = { uid: 1000, platform: "linux", path: "/usr/bin" };

/** Files and their content below a folder, as a machine shows them. */
function withTree(files: Record<string, string>, use: (root: string) => void): void {
  const root = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  try {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
    }
    use(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

function held(root: string) {
  const { cpuLimit, memoryLimitBytes } = openCgroup({ root }).read();
  return [cpuLimit, memoryLimitBytes];
}

// Debian 12, a terminal of GNOME.
const app = "sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice";
const version2 = {
  "proc/self/cgroup": "0::/user.slice/user-1000.slice/user@1000.service/app.slice/vte-spawn-1.scope\n",
  "proc/self/mountinfo":
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n",
  "sys/fs/cgroup/cgroup.procs": "1\n",
  "sys/fs/cgroup/cgroup.subtree_control": "cpuset cpu io memory pids\n",
  [`${app}/cgroup.procs`]: "",
  [`${app}/cgroup.subtree_control`]: "cpu memory pids\n",
  [`${app}/memory.swap.max`]: "max\n",
  [`${app}/vte-spawn-1.scope/cgroup.procs`]: "4711\n",
  [`${app}/vte-spawn-1.scope/cgroup.subtree_control`]: "\n",
};
// As a container or a machine of the older kind shows them.
const version1 = {
  "proc/self/cgroup": "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/\n",
  "proc/self/mountinfo": [
    "40 30 0:30 /docker/abc /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct",
    "41 30 0:31 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory",
  ].join("\n"),
  "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "50000\n",
  "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
  "sys/fs/cgroup/memory/memory.limit_in_bytes": "536870912\n",
  "sys/fs/cgroup/memory/memory.memsw.limit_in_bytes": "536870912\n",
};

test("findMechanism() takes systemd where it runs, and the command line says every limit", () => {
  const systemd = { "run/systemd/system/x": "", "usr/bin/systemd-run": "", "run/user/1000/systemd/private": "" };
  withTree({ ...version2, ...systemd }, (root) => {
    const mechanism = findMechanism({ ...system, root });
    assert.deepEqual(mechanism, { name: "systemd-run", isRoot: false });
    const { prefix, writes, by } = planEnforcement(mechanism, "prodlike-1", limits);
    assert.equal(
      prefix.join(" "),
      "systemd-run --user --scope --quiet --collect --unit=prodlike-1 --property CPUQuota=150% --property MemoryMax=536870912 --property MemorySwapMax=0 --",
    );
    assert.deepEqual([writes, by], [[], "systemd-run --user"]);
    assert.deepEqual(findMechanism({ ...system, uid: 0, root }), { name: "systemd-run", isRoot: true });
    // Another user, who has no manager of that kind.
    assert.equal(findMechanism({ ...system, uid: 1001, root }).name, "cgroup v2");
  });
});

test("findMechanism() takes the nearest delegated cgroup v2, and the writes say every limit", () => {
  withTree(version2, (root) => {
    const mechanism = findMechanism({ ...system, root });
    assert.deepEqual(mechanism, { name: "cgroup v2", parent: join(root, app) });
    const { folders, writes, prefix } = planEnforcement(mechanism, "prodlike-1", limits);
    const folder = join(root, app, "prodlike-1");
    assert.deepEqual(folders, [folder]);
    assert.deepEqual(writes, [
      { file: join(folder, "cpu.max"), value: "150000 100000" },
      { file: join(folder, "memory.max"), value: "536870912" },
      { file: join(folder, "memory.swap.max"), value: "0" },
    ]);
    assert.deepEqual(prefix.slice(-3), ["sh", folder, "--"]);
  });
});

test("findMechanism() makes a cgroup v1 where it may, also inside a container; limits are read back", () => {
  withTree(version1, (root) => {
    const mechanism = findMechanism({ ...system, uid: 0, root });
    const [cpu, memory] = [join(root, "sys/fs/cgroup/cpu,cpuacct"), join(root, "sys/fs/cgroup/memory")];
    assert.deepEqual(mechanism, { name: "cgroup v1", cpu, memory });
    assert.deepEqual(planEnforcement(mechanism, "p", limits).writes, [
      { file: join(cpu, "p/cpu.cfs_period_us"), value: "100000" },
      { file: join(cpu, "p/cpu.cfs_quota_us"), value: "150000" },
      { file: join(memory, "p/memory.limit_in_bytes"), value: "536870912" },
      { file: join(memory, "p/memory.memsw.limit_in_bytes"), value: "536870912" },
    ]);
    assert.deepEqual(held(root), [0.5, 512 * 2 ** 20]);
    writeFileSync(join(cpu, "cpu.cfs_quota_us"), "-1\n");
    writeFileSync(join(memory, "memory.limit_in_bytes"), "9223372036854771712\n");
    assert.deepEqual(held(root), [undefined, undefined]);
  });
});

test("limits are read back from version 2, where no limit is a word", () => {
  const own = "sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice/vte-spawn-1.scope";
  withTree(
    {
      ...version2,
      [`${own}/cpu.max`]: "50000 100000\n",
      [`${own}/memory.max`]: "1048576\n",
      [`${own}/cgroup.events`]: "",
    },
    (root) => {
      assert.deepEqual(held(root), [0.5, 2 ** 20]);
      writeFileSync(join(root, own, "cpu.max"), "max 100000\n");
      writeFileSync(join(root, own, "memory.max"), "max\n");
      assert.deepEqual(held(root), [undefined, undefined]);
    },
  );
});

test("findMechanism() says why only V8's flags are left", (t) => {
  const reason = (files: Record<string, string>, over = {}) => {
    let found: unknown;
    withTree(files, (root) => {
      found = findMechanism({ ...system, root, ...over });
    });
    return found;
  };
  assert.deepEqual(reason({}, { platform: "darwin" }), { name: "V8 flags", reason: "there are no cgroups on darwin" });
  assert.deepEqual(reason({}), { name: "V8 flags", reason: "no cgroups are mounted" });
  const lacking = { [`${app}/cgroup.subtree_control`]: "pids\n", "sys/fs/cgroup/cgroup.subtree_control": "pids\n" };
  assert.deepEqual(reason({ ...version2, ...lacking }), {
    name: "V8 flags",
    reason: "no cgroup v2 with cpu and memory is delegated to this user",
  });
  const plan = planEnforcement({ name: "V8 flags", reason: "no cgroups are mounted" }, "p", limits);
  assert.deepEqual([plan.by, plan.reason, plan.prefix], [undefined, "no cgroups are mounted", []]);
  if (process.getuid?.() === 0)
    return t.diagnostic("as root every folder may be written: a foreign cgroup v1 is not tried");
  withTree(version1, (root) => {
    chmodSync(join(root, "sys/fs/cgroup/memory"), 0o555);
    assert.equal(findMechanism({ ...system, root }).name, "V8 flags");
    chmodSync(join(root, "sys/fs/cgroup/memory"), 0o755);
  });
});
