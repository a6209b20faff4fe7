import assert from "node:assert/strict";
import { test } from "node:test";
import { lintLimits } from "./lint.ts";
import type { OptionKind, OptionSource } from "./node_options.ts";
import type { Subject } from "./subject.ts";

const GB = 1_024;

/** A process in a container of `memoryMb`, and whatever else the case is about. */
function subject(memoryMb: number, rest: Partial<Subject> = {}): Subject {
  const memory = memoryMb ? [{ where: "mem_limit", value: memoryMb * 2 ** 20 }] : [];
  return { name: "worker", runtime: "node", nodeMajor: 24, memory, options: [], unusedOptions: [], ...rest };
}

/** The same with options in the compose file. */
function withOptions(memoryMb: number, text: string, rest: Partial<Subject> = {}): Subject {
  return subject(memoryMb, { options: [option(text)], ...rest });
}

function option(text: string, where = "compose.yaml", kind: OptionKind = "NODE_OPTIONS"): OptionSource {
  return { where, kind, text, isHidden: where !== "compose.yaml" };
}

const script = "package.json scripts.start";
const at = <T>(value: T) => ({ where: "compose.yaml", value });
const noSwap = (memoryMb: number, bytes: number) =>
  subject(memoryMb, { memorySwap: at(bytes), hostSwapBytes: 2 ** 30 });
const fits = "--max-old-space-size=320"; // in 512 MB

// Published cases by their source, what was run, and the rules that have to find it, with the figures they have to give.
// Where a source does not name all figures, the rest is the least that makes its case.
const cases: [source: string, subject: Subject, ...found: [rule: string, figures: RegExp][]][] = [
  [
    "github.com/lightdash/lightdash/pull/28559: a 12 GiB pod on Node 24 has a heap of 2,240 MB",
    subject(12 * GB),
    ["heap-far-below-memory", /^heap limit 2,240 MB \(default of Node 24.*memory 12,288 MB, 18 % of it$/],
  ],
  [
    "github.com/lightdash/lightdash/pull/28559: the flag stands in the build stage, which the image does not inherit",
    subject(512, { unusedOptions: [option("--max-old-space-size=4096", "Dockerfile stage prod-builder ENV")] }),
    ["flag-not-used", /4096 stands in Dockerfile stage prod-builder ENV/],
  ],
  [
    "github.com/nodejs/node/issues/64646: the default heap is above a cgroup limit of 256 MB",
    subject(256),
    ["heap-above-memory", /^heap limit 259 MB .*memory 256 MB, 3 MB too much$/],
  ],
  [
    "github.com/TryGhost/ActivityPub/pull/2038: Node 22 to 24 changes the default heap in a container",
    subject(2 * GB, { nodeMajor: 22 }),
    ["default-heap-differs", /^heap limit 1,048 MB .*Node 20 1,048 MB, Node 22 1,048 MB, Node 24 1,120 MB$/],
  ],
  [
    "github.com/TryGhost/ActivityPub/pull/2038: 75 % on Node 24 leaves room",
    withOptions(2 * GB, "--max-old-space-size-percentage=75"),
  ],
  [
    "github.com/decentraland/builder-server/pull/805: 1,536 MB in a container of 2 GB leave room",
    withOptions(2 * GB, "--max-old-space-size=1536"),
  ],
  [
    "developers.redhat.com/articles/2025/10/10/nodejs-20-memory-management-containers: half of 512 MB by default",
    subject(512, { nodeMajor: 20 }),
  ],
  [
    "github.com/hpi-schul-cloud/schulcloud-server/pull/5633: the flag asks for more than the pod has",
    withOptions(GB, "--max-old-space-size=2048"),
    ["heap-above-memory", /^heap limit 2,096 MB \(old space 2,048 MB \+ 3 x semi space 16 MB\), memory 1,024 MB/],
  ],
  [
    "github.com/nodejs/node/pull/32262: all of the memory for the old space leaves none for other uses",
    withOptions(2 * GB, "--max-old-space-size=1920"),
    ["no-headroom", /^heap limit 2,016 MB .*memory 2,048 MB, 32 MB left, 197 MB wanted$/],
  ],
  [
    "github.com/cnpm/cnpmcore/pull/175: a semi space of 128 MB counts three times",
    withOptions(2 * GB, "--max-old-space-size=1700 --max_semi_space_size=128"),
    ["heap-above-memory", /^heap limit 2,084 MB \(old space 1,700 MB \+ 3 x semi space 128 MB\)/],
  ],
  [
    "github.com/thepagent/openclaw-helm/pull/25: 2,560 MB in 3 GiB leave room",
    withOptions(3 * GB, "--max-old-space-size=2560"),
  ],
  [
    "github.com/diegosouzapw/OmniRoute/pull/2993: a heap of 256 MB where there is far more memory",
    withOptions(4 * GB, "--max-old-space-size=256"),
    ["heap-far-below-memory", /^heap limit 448 MB .*11 % of it$/],
  ],
  [
    "github.com/diegosouzapw/OmniRoute/pull/2993: the image sets the heap of every container",
    subject(0, { options: [option("--max-old-space-size=256", "Dockerfile ENV")] }),
    ["hidden-flag", /256 comes from Dockerfile ENV$/],
  ],
  [
    "github.com/OpenRailAssociation/osrd/pull/12848: a script replaces the NODE_OPTIONS of the deployment",
    subject(0, { options: [option(fits), option("--max_old_space_size=4096", script)] }),
    ["flag-overridden", /320 has no effect: --max_old_space_size=4096 in package.json scripts.start wins$/],
    ["hidden-flag", /4096 comes from package.json scripts.start$/],
  ],
  [
    "github.com/OpenRailAssociation/osrd/pull/12848: a script that adds to NODE_OPTIONS keeps the flag",
    subject(512, { options: [option(fits), option("$NODE_OPTIONS --enable-source-maps", script)] }),
  ],
  [
    "github.com/chairemobilite/transition/pull/818: the flag stands behind the script",
    subject(512, {
      options: [option("node --import tsx main.js --max-old-space-size=4096", "compose.yaml", "command")],
    }),
    ["flag-after-script", /4096 stands behind the script in "node --import tsx main.js/],
  ],
  [
    "github.com/nodejs/node/issues/58686: --max-heap-size is not allowed in NODE_OPTIONS",
    withOptions(0, "--max-heap-size=750", { nodeMajor: 22 }),
    ["flag-refused", /750 in NODE_OPTIONS, which Node 22 does not allow$/],
  ],
  [
    "github.com/powersync-ja/powersync-service/pull/388: a percentage needs Node 22",
    withOptions(0, "--max-old-space-size-percentage=75", { nodeMajor: 20 }),
    ["flag-refused", /percentage=75, which Node 20 does not know$/],
  ],
  [
    "github.com/nodejs/docker-node/issues/883: no shell replaces a variable in the exec form",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what Docker hands to Node
    subject(0, { options: [option("node --max_old_space_size=${SIZE} server.js", "compose.yaml", "command")] }),
    ["flag-refused", /"\$\{SIZE\}" is none$/],
  ],
  [
    "github.com/novuhq/novu/pull/8546: two flags run together",
    withOptions(0, "--max-old-space-size=4096--max-old-space-size=4096"),
    ["flag-refused", /"4096--max-old-space-size=4096" is none$/],
  ],
  [
    "github.com/moby/moby/issues/46773: docker run --env-file keeps quotes",
    withOptions(512, "'--max-old-space-size=320'"),
    ["flag-quoted", /holds the quotes of '--max-old-space-size=320'$/],
  ],
  [
    "github.com/denoland/deno/issues/29077: Deno in 512 MB has the heap of the machine",
    subject(512, { runtime: "deno", nodeMajor: undefined }),
    ["heap-above-memory", /^heap limit 4,192 MB \(default of Deno/],
  ],
  [
    "github.com/denoland/deno_docker/pull/481: Deno's image sizes the heap by the container",
    subject(512, { runtime: "deno", nodeMajor: undefined, denoUsesCgroups: true }),
  ],
  [
    "github.com/denoland/deno/issues/30729: Deno takes its heap from DENO_V8_FLAGS (NODE_OPTIONS: measured)",
    withOptions(0, "--max-old-space-size=8192", { runtime: "deno", nodeMajor: undefined }),
    ["ignored-by-runtime", /^NODE_OPTIONS has --max-old-space-size=8192, which Deno does not read$/],
  ],
  [
    "github.com/denoland/deno/issues/30531: DENO_V8_FLAGS holds",
    subject(2 * GB, {
      runtime: "deno",
      nodeMajor: undefined,
      options: [option("--max-old-space-size=1536,--max-semi-space-size=16", "compose.yaml", "DENO_V8_FLAGS")],
    }),
  ],
  [
    "github.com/taskforcesh/bullmq/issues/3242: too many jobs at once for the memory",
    withOptions(512, fits, { concurrency: at(16), bytesPerJob: at(40 * 2 ** 20) }),
    ["jobs-above-memory", /^16 jobs at once x 40 MiB a job \(compose\.yaml\) \+ 96 MiB = 736 MiB, memory 512 MiB$/],
  ],
  [
    "docs.bullmq.io/guide/workers/concurrency: a concurrency that the memory holds",
    withOptions(512, fits, { concurrency: at(8), bytesPerJob: at(40 * 2 ** 20) }),
  ],
  [
    "github.com/libuv/libuv/pull/2296: more active threads than cores",
    subject(0, { cpus: at(1), threadpool: at("128") }),
    ["threadpool-above-cpus", /^UV_THREADPOOL_SIZE 128 threads, 1.0 CPUs$/],
  ],
  [
    "github.com/ecency/imagehoster/pull/39: 16 threads on 2 CPUs, most of which wait",
    subject(0, { cpus: at(2), threadpool: at("16") }),
  ],
  [
    "github.com/ecency/imagehoster/pull/39: a value that is no number gives one thread",
    subject(0, { threadpool: at("auto") }),
    ["threadpool-value", /^UV_THREADPOOL_SIZE="auto" gives 1 thread$/],
  ],
  [
    "github.com/libuv/libuv/pull/2314: no more than 1,024 threads",
    subject(0, { threadpool: at("4096") }),
    ["threadpool-value", /gives 1024 threads$/],
  ],
  [
    "github.com/mei23/misskey-v11/pull/2166: four threads where there are more CPUs",
    subject(0, { cpus: at(12) }),
    ["threadpool-below-cpus", /^libuv's default of 4 threads, 12.0 CPUs$/],
  ],
  [
    "github.com/apache/openwhisk/issues/1590: without --memory-swap as much swap again",
    subject(512, { hostSwapBytes: 2 ** 30 }),
    ["swap-behind-memory", /^memory 512 MiB and 512 MiB of swap \(Docker's default; this machine has 1 GiB\)$/],
  ],
  [
    "github.com/aws/amazon-ecs-agent/issues/382: the default does nothing on a machine without swap",
    subject(512, { hostSwapBytes: 0 }),
  ],
  [
    "docs.docker.com/engine/containers/resource_constraints: --memory-swap equal to --memory, no swap",
    noSwap(512, 2 ** 29),
  ],
  [
    "docs.docker.com/engine/containers/resource_constraints: --memory-swap=-1",
    noSwap(512, Number.POSITIVE_INFINITY),
    ["swap-behind-memory", /^memory 512 MiB and swap without a limit$/],
  ],
  [
    "github.com/moby/moby/pull/10263: memory and swap together below the memory",
    noSwap(512, 2 ** 28),
    ["swap-below-memory", /^memory and swap together 256 MiB, memory alone 512 MiB$/],
  ],
  [
    "docs.docker.com/engine/containers/resource_constraints: --memory-swap wants --memory",
    noSwap(0, 2 ** 28),
    ["swap-without-memory", /^memswap_limit is set, the memory is not$/],
  ],
  [
    "github.com/compose-spec/compose-spec 05-services.md mem_limit: another figure in deploy.resources",
    withOptions(512, fits, {
      memory: [
        { where: "mem_limit", value: 2 ** 29 },
        { where: "deploy.resources.limits.memory", value: 2 ** 30 },
      ],
    }),
    ["memory-twice", /^512 MiB in mem_limit, 1 GiB in deploy.resources.limits.memory$/],
  ],
  [
    "docs.docker.com/engine/containers/resource_constraints: the least is 6m, a number without unit is bytes",
    subject(0, { memory: [{ where: "mem_limit", value: 512 }] }),
    ["memory-below-minimum", /^memory 512 bytes$/],
  ],
];

for (const [source, given, ...expected] of cases) {
  test(`lintLimits() on ${source}`, () => {
    const findings = lintLimits(given);
    assert.deepEqual(
      findings.map(({ rule }) => rule),
      expected.map(([rule]) => rule),
    );
    for (const [index, [, figures]] of expected.entries()) {
      const finding = findings[index]!;
      assert.match(finding.figures, figures);
      assert.ok(finding.why && finding.set && finding.subject === "worker");
    }
  });
}

test("lintLimits() proposes an old space that it then accepts", () => {
  for (const memoryMb of [256, 512, 1_000, 2_048, 13_312, 40_000]) {
    const [finding] = lintLimits(withOptions(memoryMb, "--max-old-space-size=50000 --max-semi-space-size=16"));
    const [, proposed] = /(--max-old-space-size=\d+) or less/.exec(finding!.set) ?? [];
    assert.deepEqual(lintLimits(withOptions(memoryMb, `${proposed} --max-semi-space-size=16`)), [], `${memoryMb}`);
  }
});
