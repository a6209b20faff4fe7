import type { Metric } from "../otlp/otlp_json.ts";
import { codeUnitAt, UNESCAPED, UNICODE_ESCAPE } from "./json_escapes.ts";
import { metricLines } from "./metric_text.ts";
import type { Output } from "./output.ts";
import { fieldId, MESSAGES } from "./schema.ts";
import type { Ending, Transcript } from "./transcript.ts";
import { valueText } from "./value_text.ts";

/** Of a list or a metric that is printed. */
const MAX_OBJECT_BYTES = 4 * 1024 * 1024;

const SPACE = 0x20;
const NEWLINE = 0x0a;
const QUOTE = 0x22;
const COLON = 0x3a;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;

const ATTRIBUTE_KEY = fieldId("Attribute", "key");
const ATTRIBUTE_VALUE = fieldId("Attribute", "value");
const SPAN_NAME = fieldId("Span", "name");
const SPAN_TRACE_ID = fieldId("Span", "traceId");
const SPAN_ID = fieldId("Span", "spanId");
const SCOPE_NAME = fieldId("InstrumentationScope", "name");
const SCOPE_VERSION = fieldId("InstrumentationScope", "version");

/**
 * The log by `Message.id`: text as the debug exporter (verbosity `normal`) prints it.
 * Strings are binary, one character a byte, so that UTF-8 passes through as it is.
 *
 * It is taken from the stored line, so both encodings share it. Whatever the order in which a request has its fields,
 * an attribute is printed where it ends, and the heading of a span, scope or resource is put before what it holds.
 */
export const LOG_ENDINGS: readonly (Ending | undefined)[] = logEndings();

/** The line that begins a request's text in the log. */
export function requestHeading({ resources, spans, metrics, dataPoints }: Transcript): string {
  return spans > 0
    ? `Traces\t{"resource spans": ${resources}, "spans": ${spans}}\n`
    : `Metrics\t{"resource metrics": ${resources}, "metrics": ${metrics}, "data points": ${dataPoints}}\n`;
}

function logEndings(): (Ending | undefined)[] {
  const countPoint: Ending = (transcript) => void transcript.dataPoints++;
  const endings: Record<string, Ending> = {
    Attribute: endAttribute,
    Span: endSpan,
    Metric: endMetric,
    NumberDataPoint: countPoint,
    HistogramDataPoint: countPoint,
    ExponentialHistogramDataPoint: countPoint,
    SummaryDataPoint: countPoint,
    Resource: (transcript) => {
      transcript.resourceAttributes = takeBack(transcript.attributes, 0);
    },
    InstrumentationScope: (transcript) => {
      transcript.scopeAttributes = takeBack(transcript.attributes, 0);
      const version = takeField(transcript, SCOPE_VERSION);
      transcript.scopeText = takeField(transcript, SCOPE_NAME) + (version && `@${version}`);
    },
    ScopeSpans: endScope("ScopeTraces", fieldId("ScopeSpans", "schemaUrl")),
    ScopeMetrics: endScope("ScopeMetrics", fieldId("ScopeMetrics", "schemaUrl")),
    ResourceSpans: endResource("ResourceTraces", fieldId("ResourceSpans", "schemaUrl")),
    ResourceMetrics: endResource("ResourceMetrics", fieldId("ResourceMetrics", "schemaUrl")),
  };
  return [...MESSAGES.keys()].map((name) => endings[name]);
}

function endAttribute(transcript: Transcript): void {
  const { attributes, line, ranges } = transcript;
  attributes.byte(SPACE);
  copyField(transcript, ATTRIBUTE_KEY, attributes);
  attributes.byte(EQUALS);
  // `{"stringValue":"text"}`, or `{}`: text is printed without its quotes, a number as it is, a list as JSON.
  const start = ranges[2 * ATTRIBUTE_VALUE]!;
  const end = ranges[2 * ATTRIBUTE_VALUE + 1]!;
  let colon = start;
  while (colon < end && line.bytes[colon] !== COLON) colon++;
  if (colon === end) return;
  if (line.bytes[colon + 1] === OPEN_BRACE) attributes.text(objectText(line, start, end, valueText));
  else copyText(transcript, colon + 1, end - 1, attributes);
}

function endSpan(transcript: Transcript): void {
  const { attributes, log } = transcript;
  transcript.spans++;
  copyField(transcript, SPAN_NAME, log);
  log.byte(SPACE);
  copyField(transcript, SPAN_TRACE_ID, log);
  log.byte(SPACE);
  copyField(transcript, SPAN_ID, log);
  log.raw(attributes.bytes, 0, attributes.length);
  log.byte(NEWLINE);
  attributes.length = 0;
}

function endMetric(transcript: Transcript, lineStart: number): void {
  transcript.metrics++;
  // Metrics are few: they are read back as an object.
  const { line, log } = transcript;
  log.text(objectText(line, lineStart, line.length, (metric: Metric) => metricLines(metric).join("")));
}

function endScope(title: string, schemaUrl: number): Ending {
  return (transcript, _, logStart) => {
    const schema = takeField(transcript, schemaUrl);
    const details = [transcript.scopeText, schema && `[${schema}]`].filter(Boolean).map((part) => ` ${part}`);
    transcript.log.insert(
      logStart,
      `${title} #${transcript.scopes++}${details.join("")}${transcript.scopeAttributes}\n`,
    );
    transcript.scopeText = transcript.scopeAttributes = "";
  };
}

function endResource(title: string, schemaUrl: number): Ending {
  return (transcript, _, logStart) => {
    const schema = takeField(transcript, schemaUrl);
    const heading = `${title} #${transcript.resources++}${schema && ` [${schema}]`}${transcript.resourceAttributes}\n`;
    transcript.log.insert(logStart, heading);
    transcript.scopes = 0;
    transcript.resourceAttributes = "";
  };
}

/** Copies the text of a field of the message that ends, and forgets it: the next message may not have the field. */
function copyField(transcript: Transcript, id: number, to: Output): void {
  const { ranges } = transcript;
  copyText(transcript, ranges[2 * id]!, ranges[2 * id + 1]!, to);
  ranges[2 * id] = ranges[2 * id + 1] = 0;
}

function copyText({ line }: Transcript, start: number, end: number, to: Output): void {
  const { bytes } = line;
  if (bytes[start] !== QUOTE) {
    to.raw(bytes, start, end);
    return;
  }
  to.reserve(end - start);
  for (let i = start + 1; i < end - 1; i++) {
    let byte = bytes[i]!;
    // What our own line has escaped is one byte.
    if (byte === BACKSLASH) {
      byte = UNESCAPED[bytes[++i]!] ?? codeUnitAt(bytes, i + 1);
      if (bytes[i] === UNICODE_ESCAPE) i += 4;
    }
    to.bytes[to.length++] = byte;
  }
}

function takeField(transcript: Transcript, id: number): string {
  const { attributes } = transcript;
  const start = attributes.length;
  copyField(transcript, id, attributes);
  return takeBack(attributes, start);
}

/** Takes back what was written since `start`. */
function takeBack(from: Output, start: number): string {
  const text = from.bytes.toString("latin1", start, from.length);
  from.length = start;
  return text;
}

/** What `print` makes of an object in the line, as a binary string; of a huge one only its size: as an object it would take many times the memory. */
function objectText<T>(line: Output, start: number, end: number, print: (value: T) => string): string {
  if (end - start > MAX_OBJECT_BYTES) return `(${end - start} bytes, not printed)`;
  return binary(print(JSON.parse(line.bytes.toString("utf8", start, end))));
}

function binary(text: string): string {
  return Buffer.from(text).toString("latin1");
}
