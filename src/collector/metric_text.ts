import type {
  ExponentialBuckets,
  ExponentialHistogramDataPoint,
  HistogramDataPoint,
  Metric,
  NumberDataPoint,
  OtlpDouble,
  SummaryDataPoint,
} from "../otlp/otlp_json.ts";
import { attributeTexts, goFloat } from "./value_text.ts";

/** The lines that the debug exporter prints of a metric, one a data point. */
export function metricLines(metric: Metric): string[] {
  const { gauge, sum, histogram, exponentialHistogram, summary, name = "" } = metric;
  const lines = <Point extends NumberDataPoint>(points: Point[] = [], text: (point: Point) => string): string[] =>
    points.map((point) => `${name}{${attributeTexts(point.attributes).join(",")}} ${text(point)}\n`);
  if (gauge ?? sum) return lines((gauge ?? sum)?.dataPoints, numberText);
  if (histogram) return lines(histogram.dataPoints, histogramText);
  if (exponentialHistogram) return lines(exponentialHistogram.dataPoints, exponentialHistogramText);
  return lines(summary?.dataPoints, summaryText);
}

function numberText({ asInt, asDouble }: NumberDataPoint): string {
  return asInt ?? (asDouble === undefined ? "" : float(asDouble));
}

function histogramText(point: HistogramDataPoint): string {
  const { bucketCounts = [], explicitBounds = [] } = point;
  const buckets = bucketCounts.map((count, i) => {
    const bound = explicitBounds[i];
    return ` ${bound === undefined ? "" : `le${float(bound)}=`}${count}`;
  });
  return `${totals(point)}${buckets.join("")}`;
}

function exponentialHistogramText(point: ExponentialHistogramDataPoint): string {
  const factor = Math.LN2 * 2 ** -(point.scale ?? 0);
  const buckets = ({ offset = 0, bucketCounts = [] }: ExponentialBuckets, bound: (index: number) => number) =>
    bucketCounts.map((count, i) => ` le${goFloat(bound(offset + i))}=${count}`);
  const negative = buckets(point.negative, (index) => -Math.exp(index * factor)).reverse();
  const zero = point.zeroCount ? ` zero=${point.zeroCount}` : "";
  const positive = buckets(point.positive, (index) => Math.exp((index + 1) * factor));
  return `${totals(point)}${negative.join("")}${zero}${positive.join("")}`;
}

function summaryText({ count = "0", sum = 0, quantileValues = [] }: SummaryDataPoint): string {
  const quantiles = quantileValues.map(({ quantile = 0, value = 0 }) => ` q${float(quantile)}=${float(value)}`);
  return `count=${count} sum=${sixDecimals(Number(sum))}${quantiles.join("")}`;
}

function totals({ count = "0", sum, min, max }: HistogramDataPoint): string {
  const part = (name: string, value: OtlpDouble | undefined) => (value === undefined ? "" : ` ${name}=${float(value)}`);
  return `count=${count}${part("sum", sum)}${part("min", min)}${part("max", max)}`;
}

function float(value: OtlpDouble): string {
  return goFloat(Number(value));
}

/** As Go's `%f`; `toFixed` changes to an exponent at 10^21. */
function sixDecimals(value: number): string {
  if (!Number.isFinite(value)) return goFloat(value);
  return Math.abs(value) < 1e21 ? value.toFixed(6) : `${BigInt(value)}.000000`;
}
