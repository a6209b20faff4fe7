import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { type Cgroup, openCgroup } from "./cgroup.ts";

/** Runs `use` with a root folder that holds `files`. */
function withRoot(files: Record<string, string>, use: (cgroup: Cgroup, root: string) => void): void {
  const root = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    use(openCgroup({ root }), root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

/** Puts files into a folder. */
const within = (folder: string, files: Record<string, string>) =>
  Object.fromEntries(Object.entries(files).map(([name, text]) => [join(folder, name), text]));

const v2Files = {
  "cgroup.events": "populated 1\nfrozen 0\n",
  "cpu.max": "50000 100000\n",
  "cpu.stat":
    "usage_usec 5250000\nuser_usec 5000000\nsystem_usec 250000\nnr_periods 40\nnr_throttled 12\nthrottled_usec 730000\n",
  "memory.current": "301989888\n",
  "memory.max": "536870912\n",
  "memory.peak": "402653184\n",
  "memory.events": "low 0\nhigh 0\nmax 3\noom 2\noom_kill 1\noom_group_kill 0\n",
  "memory.stat": "anon 100000\nfile 200000\ninactive_anon 5\ninactive_file 1989888\n",
};
const v2Figures = {
  ...{ cpuLimit: 0.5, cpuSeconds: 5.25, periods: 40, throttledPeriods: 12, throttledSeconds: 0.73, oomKills: 1 },
  ...{ memoryBytes: 301_989_888, workingSetBytes: 300_000_000 },
  ...{ memoryLimitBytes: 536_870_912, memoryPeakBytes: 402_653_184 },
};
const v2Mount = "30 23 0:26 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw,nsdelegate\n";

test("openCgroup() reads version 2 in a container, whose cgroup is the root of its namespace", () =>
  withRoot(
    {
      "proc/self/cgroup": "0::/\n",
      "proc/self/mountinfo": `22 1 254:1 / / rw - overlay overlay rw\n${v2Mount}`,
      ...within("sys/fs/cgroup", v2Files),
    },
    (cgroup) => {
      assert.deepEqual(cgroup.read(), v2Figures);
      assert.deepEqual(cgroup.readThrottling(), { periods: 40, throttledPeriods: 12, throttledSeconds: 0.73 });
    },
  ));

test("openCgroup() reads version 2 on a host, in a cgroup of its own with a colon in its path", () => {
  const path = "/user.slice/run-u7:1.scope";
  withRoot(
    {
      "proc/self/cgroup": `0::${path}\n`,
      // A part of the hierarchy, mounted elsewhere, comes first.
      "proc/self/mountinfo": v2Mount.replace(" / /sys/fs/cgroup", " /system.slice /mnt") + v2Mount,
      "sys/fs/cgroup/memory.current": "1\n", // another's
      ...within(join("sys/fs/cgroup", path), { ...v2Files, "memory.max": "max\n" }),
    },
    (cgroup) => assert.deepEqual(cgroup.read(), { ...v2Figures, memoryLimitBytes: undefined }),
  );
});

const docker = "/docker/ed6b86d6";
const v1Files = (shown: string) => ({
  ...within(`sys/fs/cgroup/cpu,cpuacct${shown}`, {
    "cpu.cfs_quota_us": "50000\n",
    "cpu.cfs_period_us": "100000\n",
    "cpu.stat": "nr_periods 40\nnr_throttled 12\nthrottled_time 730000000\nnr_bursts 0\nburst_time 0\n",
    "cpuacct.usage": "5250000000\n",
  }),
  ...within(`sys/fs/cgroup/memory${shown}`, {
    "memory.usage_in_bytes": "301989888\n",
    "memory.limit_in_bytes": "536870912\n",
    "memory.max_usage_in_bytes": "402653184\n",
    "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
    "memory.stat": "inactive_file 7\ntotal_inactive_file 1989888\n",
  }),
});
const v1Membership = `4:memory:${docker}\n3:cpuset:/\n2:cpu,cpuacct:${docker}\n1:name=systemd:${docker}\n0::${docker}\n`;
/** Version 2 is mounted too, without controllers. */
const v1Mounts = (root: string) => `31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
32 31 0:29 ${root} /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset
35 31 0:32 ${root} /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`;

test("openCgroup() reads version 1 in a container, where the mounts show its own cgroup", () =>
  withRoot({ "proc/self/cgroup": v1Membership, "proc/self/mountinfo": v1Mounts(docker), ...v1Files("") }, (cgroup) =>
    assert.deepEqual(cgroup.read(), v2Figures),
  ));

test("openCgroup() reads version 1 on a host, and takes the largest page count for no limit", () =>
  withRoot(
    {
      "proc/self/cgroup": v1Membership,
      "proc/self/mountinfo": v1Mounts("/"),
      ...v1Files(docker),
      [`sys/fs/cgroup/memory${docker}/memory.limit_in_bytes`]: "9223372036854771712\n",
    },
    (cgroup) => assert.deepEqual(cgroup.read(), { ...v2Figures, memoryLimitBytes: undefined }),
  ));

test("openCgroup() follows a process that is moved, and keeps the last cgroup of one that has ended", () =>
  withRoot(
    {
      "proc/self/cgroup": "0::/first\n",
      "proc/self/mountinfo": v2Mount,
      ...within("sys/fs/cgroup/first", { "cgroup.events": "", "memory.current": "1\n" }),
      ...within("sys/fs/cgroup/second", { "cgroup.events": "", "memory.current": "2\n" }),
    },
    (cgroup, root) => {
      assert.equal(cgroup.read().memoryBytes, 1);
      writeFileSync(join(root, "proc/self/cgroup"), "0::/second\n");
      assert.equal(cgroup.read().memoryBytes, 2);
      rmSync(join(root, "proc"), { recursive: true });
      writeFileSync(join(root, "sys/fs/cgroup/second/memory.current"), "3\n");
      assert.equal(cgroup.read().memoryBytes, 3);
    },
  ));

for (const [what, files] of Object.entries<Record<string, string>>({
  "there are no cgroups": {},
  "the process is in the root cgroup of version 2": {
    "proc/self/cgroup": "0::/\n",
    "proc/self/mountinfo": v2Mount,
    "sys/fs/cgroup/cpu.stat": v2Files["cpu.stat"],
  },
  "the process is in the root cgroup of version 1": {
    "proc/self/cgroup": "1:memory:/\n",
    "proc/self/mountinfo": v1Mounts("/"),
    ...v1Files(""),
    "sys/fs/cgroup/memory/release_agent": "\n",
  },
  "the cgroup is outside of what the mount shows": {
    "proc/self/cgroup": "0::/docker/another\n",
    "proc/self/mountinfo": v2Mount.replace(" / ", " /docker/own "),
    ...within("sys/fs/cgroup", v2Files),
  },
  "the cgroup is outside of the namespace": {
    "proc/self/cgroup": "0::/../another\n",
    "proc/self/mountinfo": v2Mount,
    ...within("sys/fs/another", v2Files),
  },
})) {
  test(`openCgroup() reads nothing when ${what}`, () =>
    withRoot(files, (cgroup) => assert.deepEqual(cgroup.read(), {})));
}

test("openCgroup() leaves out what is missing", () =>
  withRoot(
    {
      "proc/self/cgroup": "0::/a\n",
      "proc/self/mountinfo": v2Mount.replace("/sys/fs/cgroup", "/sys/fs/c\\040group"),
      ...within("sys/fs/c group/a", { "cgroup.events": "", "cpu.stat": "usage_usec 1000000\n" }),
    },
    (cgroup) => {
      const known = Object.entries(cgroup.read()).filter(([, value]) => value !== undefined);
      assert.deepEqual(known, [["cpuSeconds", 1]]);
    },
  ));
