import { getHeapSpaceStatistics, getHeapStatistics } from "node:v8";
import { type Meter, type ObservableUpDownCounter, ValueType } from "@opentelemetry/api";
import * as names from "../names.ts";

/**
 * Reports memory of the process and of V8's heap, by space.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/runtime/v8js-metrics/
 */
export function observeMemory(meter: Meter): void {
  const bytes = (name: string): ObservableUpDownCounter =>
    meter.createObservableUpDownCounter(name, { unit: "By", valueType: ValueType.INT });
  const rss = bytes(names.PROCESS_MEMORY_USAGE);
  const external = bytes(names.MEMORY_EXTERNAL);
  const arrayBuffers = bytes(names.MEMORY_ARRAY_BUFFERS);
  const limit = bytes(names.HEAP_LIMIT);
  const size = bytes(names.HEAP_SPACE_SIZE);
  const used = bytes(names.HEAP_SPACE_USED);
  const available = bytes(names.HEAP_SPACE_AVAILABLE_SIZE);
  const physical = bytes(names.HEAP_SPACE_PHYSICAL_SIZE);
  const spacesInUse = new Set<string>();
  meter.addBatchObservableCallback(
    (result) => {
      const memory = process.memoryUsage();
      result.observe(rss, memory.rss);
      result.observe(external, memory.external);
      // Deno 2.9 always answers 0, Node never, as it holds a pool of buffers.
      if (memory.arrayBuffers > 0) result.observe(arrayBuffers, memory.arrayBuffers);
      result.observe(limit, getHeapStatistics().heap_size_limit);
      for (const space of getHeapSpaceStatistics()) {
        // Half of the spaces are never used; one that is empty again goes on being reported.
        if (space.space_size > 0) spacesInUse.add(space.space_name);
        if (!spacesInUse.has(space.space_name)) continue;
        const attributes = { [names.HEAP_SPACE_NAME]: space.space_name };
        result.observe(size, space.space_size, attributes);
        result.observe(used, space.space_used_size, attributes);
        result.observe(available, space.space_available_size, attributes);
        result.observe(physical, space.physical_space_size, attributes);
      }
    },
    [rss, external, arrayBuffers, limit, size, used, available, physical],
  );
}
