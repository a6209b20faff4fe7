// OTLP/JSON as the collector's `file` exporter writes it: zero values are left out, 64-bit numbers are strings.
import type { SpanKind, StatusCode } from "./types.ts";

/** A 64-bit whole number in decimal digits. */
export type OtlpInt64 = string;
/** A number, or "NaN", "Infinity", "-Infinity". */
export type OtlpDouble = number | string;

/** One line of `traces.jsonl`. */
export interface TracesRequest {
  resourceSpans?: ResourceSpans[];
}

export interface ResourceSpans {
  resource: Resource;
  scopeSpans?: { scope: Scope; spans?: OtlpSpan[]; schemaUrl?: string }[];
  schemaUrl?: string;
}

/** One line of `metrics.jsonl`. */
export interface MetricsRequest {
  resourceMetrics?: ResourceMetrics[];
}

export interface ResourceMetrics {
  resource: Resource;
  scopeMetrics?: { scope: Scope; metrics?: Metric[]; schemaUrl?: string }[];
  schemaUrl?: string;
}

export interface Resource {
  attributes?: KeyValue[];
  droppedAttributesCount?: number;
}

export interface Scope {
  name?: string;
  version?: string;
  attributes?: KeyValue[];
  droppedAttributesCount?: number;
}

export interface KeyValue {
  key?: string;
  value: AnyValue;
}

/** At most one of these is set. */
export interface AnyValue {
  stringValue?: string;
  boolValue?: boolean;
  intValue?: OtlpInt64;
  doubleValue?: OtlpDouble;
  arrayValue?: { values?: AnyValue[] };
  kvlistValue?: { values?: KeyValue[] };
  /** Base64. */
  bytesValue?: string;
}

export interface OtlpSpan {
  traceId?: string;
  spanId?: string;
  traceState?: string;
  parentSpanId?: string;
  flags?: number;
  name?: string;
  kind?: SpanKind;
  startTimeUnixNano?: OtlpInt64;
  endTimeUnixNano?: OtlpInt64;
  attributes?: KeyValue[];
  droppedAttributesCount?: number;
  events?: { timeUnixNano?: OtlpInt64; name?: string; attributes?: KeyValue[] }[];
  droppedEventsCount?: number;
  links?: { traceId?: string; spanId?: string; attributes?: KeyValue[] }[];
  droppedLinksCount?: number;
  status: { code?: StatusCode; message?: string };
}

/** At most one of the five kinds of data is set. */
export interface Metric {
  name?: string;
  description?: string;
  unit?: string;
  gauge?: { dataPoints?: NumberDataPoint[] };
  sum?: { dataPoints?: NumberDataPoint[]; aggregationTemporality?: number; isMonotonic?: boolean };
  histogram?: { dataPoints?: HistogramDataPoint[]; aggregationTemporality?: number };
  exponentialHistogram?: { dataPoints?: ExponentialHistogramDataPoint[]; aggregationTemporality?: number };
  summary?: { dataPoints?: SummaryDataPoint[] };
}

interface DataPoint {
  attributes?: KeyValue[];
  startTimeUnixNano?: OtlpInt64;
  timeUnixNano?: OtlpInt64;
}

export interface NumberDataPoint extends DataPoint {
  asInt?: OtlpInt64;
  asDouble?: OtlpDouble;
}

interface Totals extends DataPoint {
  count?: OtlpInt64;
  sum?: OtlpDouble;
  min?: OtlpDouble;
  max?: OtlpDouble;
}

export interface HistogramDataPoint extends Totals {
  bucketCounts?: OtlpInt64[];
  explicitBounds?: OtlpDouble[];
}

export interface ExponentialHistogramDataPoint extends Totals {
  scale?: number;
  zeroCount?: OtlpInt64;
  positive: ExponentialBuckets;
  negative: ExponentialBuckets;
}

export interface ExponentialBuckets {
  offset?: number;
  bucketCounts?: OtlpInt64[];
}

export interface SummaryDataPoint extends DataPoint {
  count?: OtlpInt64;
  sum?: OtlpDouble;
  quantileValues?: { quantile?: OtlpDouble; value?: OtlpDouble }[];
}
