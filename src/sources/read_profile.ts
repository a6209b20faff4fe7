import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { Profile } from "pprof-format";
import type { Frame, ProfileSample } from "../otlp/profile_sample.ts";

export type { ProfileSample };

/** The samples of a stored profile, gzipped pprof. */
export function readProfile(path: string): ProfileSample[] {
  const {
    stringTable,
    sampleType,
    sample,
    location,
    function: functions,
  } = Profile.decode(gunzipSync(readFileSync(path)));
  const text = (index: number | bigint) => stringTable.strings[Number(index)] ?? "";
  const types = sampleType.map(({ type }) => text(type));
  const code = new Map(functions.map((each) => [each.id, { name: text(each.name), file: text(each.filename) }]));
  const frames = new Map(
    location.map(({ id, line: [first] }): [number | bigint, Frame] => {
      const { name = "", file = "" } = (first && code.get(first.functionId)) ?? {};
      return [id, { name, file, line: Number(first?.line ?? 0) }];
    }),
  );
  return sample.map(({ value, label, locationId }) => ({
    values: Object.fromEntries(types.map((type, index) => [type, Number(value[index] ?? 0)])),
    labels: Object.fromEntries(label.filter(({ str }) => str).map(({ key, str }) => [text(key), text(str)])),
    stack: locationId.flatMap((id) => frames.get(id) ?? []),
  }));
}
