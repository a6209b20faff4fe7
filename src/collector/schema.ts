/** Wire types of protobuf. */
export const WIRE = { varint: 0, fixed64: 1, length: 2, startGroup: 3, endGroup: 4, fixed32: 5 } as const;

/** A type of protobuf: how it is read from bytes and from JSON. */
interface Type {
  wire: number;
  kind: "message" | "string" | "bytes" | "id" | "bool" | "double" | "whole";
  /** Of a `whole` number: its width; of an `id`: how long it is. JSON has 64-bit numbers as strings, so that no digits are lost. */
  bits: number;
  signed: boolean;
  /** Signed with the sign in the lowest bit. */
  zigzag: boolean;
}

/** A field of a message. */
export interface Field extends Type {
  /** Index in the whole table. */
  id: number;
  name: string;
  message: Message | undefined;
  /** Of an enum: its names by number. */
  names: readonly string[] | undefined;
  repeated: boolean;
  /** The zero value is stored too: the field is `optional` or in a `oneof`. */
  keepsZero: boolean;
  /** Bit of this field in its message, and the bits that must be unset when it comes: its own, or its whole `oneof`. */
  bit: number;
  claims: number;
  /** `"name":`. */
  prefix: Buffer;
}

/** A message of OTLP or of pprof. */
export interface Message {
  /** Index in the table. */
  id: number;
  name: string;
  fields: Field[];
  byNumber: (Field | undefined)[];
  /** Fields by their camelCase and snake_case names: a hash table without collisions, indexed by `keyHash & keyMask`. */
  keys: ({ field: Field; key: Buffer } | undefined)[];
  keyMask: number;
  /** Fields that the stored line has even when they are absent, as `{}`; and their bits. */
  always: Field[];
  alwaysBits: number;
}

/** The hash of a key, continued over one more byte; it begins with 0. */
export function keyHash(hash: number, byte: number): number {
  return (Math.imul(hash, 31) + byte) | 0;
}

// opentelemetry-proto 1.11 in short: the fields of traces and metrics in the order of their .proto files. `always` is what
// the real collector writes even when it is empty. Attribute is KeyValue where the log prints it.
const PROTO = `
TracesRequest { repeated ResourceSpans resource_spans = 1 }
ResourceSpans { always Resource resource = 1; repeated ScopeSpans scope_spans = 2; string schema_url = 3 }
ScopeSpans { always InstrumentationScope scope = 1; repeated Span spans = 2; string schema_url = 3 }
Span { traceId trace_id = 1; spanId span_id = 2; string trace_state = 3; spanId parent_span_id = 4; string name = 5;
  SpanKind kind = 6; fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8;
  repeated Attribute attributes = 9; uint32 dropped_attributes_count = 10; repeated Event events = 11;
  uint32 dropped_events_count = 12; repeated Link links = 13; uint32 dropped_links_count = 14;
  always Status status = 15; fixed32 flags = 16 }
Event { fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3;
  uint32 dropped_attributes_count = 4 }
Link { traceId trace_id = 1; spanId span_id = 2; string trace_state = 3; repeated KeyValue attributes = 4;
  uint32 dropped_attributes_count = 5; fixed32 flags = 6 }
Status { string message = 2; StatusCode code = 3 }
Resource { repeated Attribute attributes = 1; uint32 dropped_attributes_count = 2;
  repeated EntityRef entity_refs = 3 }
EntityRef { string schema_url = 1; string type = 2; repeated string id_keys = 3;
  repeated string description_keys = 4 }
InstrumentationScope { string name = 1; string version = 2; repeated Attribute attributes = 3;
  uint32 dropped_attributes_count = 4 }
Attribute { string key = 1; always AnyValue value = 2; int32 key_strindex = 3 }
KeyValue { string key = 1; always AnyValue value = 2; int32 key_strindex = 3 }
AnyValue { oneof string string_value = 1; oneof bool bool_value = 2; oneof int64 int_value = 3;
  oneof double double_value = 4; oneof ArrayValue array_value = 5; oneof KeyValueList kvlist_value = 6;
  oneof bytes bytes_value = 7; oneof int32 string_value_strindex = 8 }
ArrayValue { repeated AnyValue values = 1 }
KeyValueList { repeated KeyValue values = 1 }
MetricsRequest { repeated ResourceMetrics resource_metrics = 1 }
ResourceMetrics { always Resource resource = 1; repeated ScopeMetrics scope_metrics = 2; string schema_url = 3 }
ScopeMetrics { always InstrumentationScope scope = 1; repeated Metric metrics = 2; string schema_url = 3 }
Metric { string name = 1; string description = 2; string unit = 3; oneof Gauge gauge = 5; oneof Sum sum = 7;
  oneof Histogram histogram = 9; oneof ExponentialHistogram exponential_histogram = 10; oneof Summary summary = 11;
  repeated KeyValue metadata = 12 }
Gauge { repeated NumberDataPoint data_points = 1 }
Sum { repeated NumberDataPoint data_points = 1; AggregationTemporality aggregation_temporality = 2;
  bool is_monotonic = 3 }
Histogram { repeated HistogramDataPoint data_points = 1; AggregationTemporality aggregation_temporality = 2 }
ExponentialHistogram { repeated ExponentialHistogramDataPoint data_points = 1;
  AggregationTemporality aggregation_temporality = 2 }
Summary { repeated SummaryDataPoint data_points = 1 }
NumberDataPoint { fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; oneof double as_double = 4;
  repeated Exemplar exemplars = 5; oneof sfixed64 as_int = 6; repeated KeyValue attributes = 7; uint32 flags = 8 }
HistogramDataPoint { fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; fixed64 count = 4;
  optional double sum = 5; repeated fixed64 bucket_counts = 6; repeated double explicit_bounds = 7;
  repeated Exemplar exemplars = 8; repeated KeyValue attributes = 9; uint32 flags = 10; optional double min = 11;
  optional double max = 12 }
ExponentialHistogramDataPoint { repeated KeyValue attributes = 1; fixed64 start_time_unix_nano = 2;
  fixed64 time_unix_nano = 3; fixed64 count = 4; optional double sum = 5; sint32 scale = 6; fixed64 zero_count = 7;
  always Buckets positive = 8; always Buckets negative = 9; uint32 flags = 10; repeated Exemplar exemplars = 11;
  optional double min = 12; optional double max = 13; double zero_threshold = 14 }
Buckets { sint32 offset = 1; repeated uint64 bucket_counts = 2 }
SummaryDataPoint { fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; fixed64 count = 4; double sum = 5;
  repeated ValueAtQuantile quantile_values = 6; repeated KeyValue attributes = 7; uint32 flags = 8 }
ValueAtQuantile { double quantile = 1; double value = 2 }
Exemplar { fixed64 time_unix_nano = 2; oneof double as_double = 3; spanId span_id = 4; traceId trace_id = 5;
  oneof sfixed64 as_int = 6; repeated KeyValue filtered_attributes = 7 }
`;

// profile.proto of pprof in short: what is looked at before a profile is stored.
const PPROF = `
Profile { repeated ValueType sample_type = 1; repeated Sample sample = 2; repeated Mapping mapping = 3;
  repeated Location location = 4; repeated Function function = 5; repeated string string_table = 6; int64 drop_frames = 7;
  int64 keep_frames = 8; int64 time_nanos = 9; int64 duration_nanos = 10; ValueType period_type = 11; int64 period = 12;
  repeated int64 comment = 13; int64 default_sample_type = 14 }
ValueType { int64 type = 1; int64 unit = 2 }
Sample { repeated uint64 location_id = 1; repeated int64 value = 2; repeated Label label = 3 }
Label { int64 key = 1; int64 str = 2; int64 num = 3; int64 num_unit = 4 }
Mapping { uint64 id = 1; uint64 memory_start = 2; uint64 memory_limit = 3; uint64 file_offset = 4; int64 filename = 5;
  int64 build_id = 6 }
Location { uint64 id = 1; uint64 mapping_id = 2; uint64 address = 3; repeated Line line = 4; bool is_folded = 5 }
Line { uint64 function_id = 1; int64 line = 2; int64 column = 3 }
Function { uint64 id = 1; int64 name = 2; int64 system_name = 3; int64 filename = 4; int64 start_line = 5 }
`;

const ENUMS: Record<string, readonly string[]> = {
  SpanKind: ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"].map((name) => `SPAN_KIND_${name}`),
  StatusCode: ["UNSET", "OK", "ERROR"].map((name) => `STATUS_CODE_${name}`),
  AggregationTemporality: ["UNSPECIFIED", "DELTA", "CUMULATIVE"].map((name) => `AGGREGATION_TEMPORALITY_${name}`),
};

const ENUM = type(WIRE.varint, "whole", 32, true);
const TYPES: Record<string, Type> = {
  string: type(WIRE.length, "string"),
  bytes: type(WIRE.length, "bytes"),
  traceId: type(WIRE.length, "id", 128),
  spanId: type(WIRE.length, "id", 64),
  bool: type(WIRE.varint, "bool"),
  double: type(WIRE.fixed64, "double"),
  int64: type(WIRE.varint, "whole", 64, true),
  uint64: type(WIRE.varint, "whole", 64),
  fixed64: type(WIRE.fixed64, "whole", 64),
  sfixed64: type(WIRE.fixed64, "whole", 64, true),
  int32: type(WIRE.varint, "whole", 32, true),
  sint32: type(WIRE.varint, "whole", 32, true, true),
  uint32: type(WIRE.varint, "whole", 32),
  fixed32: type(WIRE.fixed32, "whole", 32),
  SpanKind: ENUM,
  StatusCode: ENUM,
  AggregationTemporality: ENUM,
};

/** The messages of OTLP traces and metrics, and of pprof, by name. */
export const MESSAGES: ReadonlyMap<string, Message> = compile(PROTO + PPROF);

/** How many fields there are in all messages. */
export const FIELD_COUNT = [...MESSAGES.values()].reduce((sum, { fields }) => sum + fields.length, 0);

/** The id of a field that must exist. */
export function fieldId(message: string, name: string): number {
  return MESSAGES.get(message)!.fields.find((field) => field.name === name)!.id;
}

function compile(proto: string): Map<string, Message> {
  // `Name { label type name = 1; type name = 2 }`, over as many lines as it takes.
  const blocks = [...proto.matchAll(/(\w+) \{([^}]*)\}/g)];
  const messages = new Map<string, Message>();
  for (const [id, [, name]] of blocks.entries()) {
    const empty = { fields: [], byNumber: [], keys: [], keyMask: 15, always: [], alwaysBits: 0 };
    messages.set(name!, { id, name: name!, ...empty });
  }
  let id = 0;
  for (const [, name, body] of blocks) {
    const message = messages.get(name!)!;
    const keys: Message["keys"] = [];
    let oneof = 0;
    for (const text of body!.split(";")) {
      // `oneof double as_double = 4`: a label or none, the type, the name, the number.
      const [, label, typeName, snake, number] = /^(?:(\w+) )?(\w+) (\w+) = (\d+)$/.exec(text.trim())!;
      const camel = snake!.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
      const bit = 1 << message.fields.length;
      const { wire, kind, bits, signed, zigzag } = TYPES[typeName!] ?? type(WIRE.length, "message");
      // Each property by its name: after a spread the fields have several hidden classes, and reading is a fifth slower.
      const field: Field = {
        wire,
        kind,
        bits,
        signed,
        zigzag,
        id: id++,
        name: camel,
        message: messages.get(typeName!),
        names: ENUMS[typeName!],
        repeated: label === "repeated",
        keepsZero: label === "oneof" || label === "optional",
        bit,
        claims: bit,
        prefix: Buffer.from(`"${camel}":`),
      };
      message.fields.push(field);
      message.byNumber[Number(number)] = field;
      for (const key of new Set([camel, snake!])) keys.push({ field, key: Buffer.from(key) });
      if (label === "oneof") oneof |= bit;
      if (label === "always") message.always.push(field);
    }
    for (const field of message.fields) if (field.bit & oneof) field.claims = oneof;
    message.alwaysBits = message.always.reduce((bits, field) => bits | field.bit, 0);
    do {
      message.keyMask = message.keyMask * 2 + 1;
      message.keys = Array.from({ length: message.keyMask + 1 }, () => undefined);
      for (const entry of keys) message.keys[entry!.key.reduce(keyHash, 0) & message.keyMask] = entry;
    } while (message.keys.filter(Boolean).length < keys.length);
  }
  return messages;
}

function type(wire: number, kind: Type["kind"], bits = 0, signed = false, zigzag = false): Type {
  return { wire, kind, bits, signed, zigzag };
}
