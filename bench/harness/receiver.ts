// What the workers of the tax benchmark send to, in a process of its own, so that its CPU time is nobody's:
// `receiver.ts <folder> <name>...` has an embedded collector for each name.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { startCollector } from "../../src/collector/collector.ts";

/** Where one worker sends to. */
export interface ReceiverUrls {
  otlp: string;
  profiles: string;
}

/** What has come in so far. */
export interface ReceivedCounts {
  spans: number;
  dataPoints: number;
  profiles: number;
  refused: number;
}

const [parent = "", ...names] = process.argv.slice(2);
const collectors = await Promise.all(
  names.map(async (name) => {
    const folder = join(parent, name);
    return { name, folder, collector: await startCollector({ folder, port: 0, profiles: { port: 0 } }) };
  }),
);
process.on("message", () => {
  const counts = collectors.map(({ name, folder, collector }): [string, ReceivedCounts] => [
    name,
    { ...collector.counts(), profiles: countProfiles(folder) },
  ]);
  process.send?.(Object.fromEntries(counts));
});
process.once("disconnect", () => process.exit());
const urls = collectors.map(({ name, collector }): [string, ReceiverUrls] => [
  name,
  { otlp: collector.url, profiles: collector.profilesUrl! },
]);
process.send?.(Object.fromEntries(urls));

function countProfiles(folder: string): number {
  const files = readdirSync(join(folder, "profiles"), { recursive: true, encoding: "utf8" });
  return files.filter((file) => file.endsWith(".pb.gz")).length;
}
