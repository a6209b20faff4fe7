"""Sends spans and metrics as the Python SDK does, and prints, as JSON, those for which it was told that they arrived."""

import json

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import MetricExportResult, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult

spans, points = [], []


def ids(context):
    return {"traceId": f"{context.trace_id:032x}", "spanId": f"{context.span_id:016x}"}


def attributes(of):
    # What a JSON number cannot hold is a string.
    return {key: str(value) if type(value) is int and abs(value) >= 2**53 else value for key, value in of.items()}


def span_told(span):
    return {
        **ids(span.context),
        "parentSpanId": f"{span.parent.span_id:016x}" if span.parent else "",
        "name": span.name,
        "kind": span.kind.value + 1,
        "startNs": str(span.start_time),
        "endNs": str(span.end_time),
        "attributes": attributes(span.attributes),
        "events": [
            {"name": event.name, "timeNs": str(event.timestamp), "attributes": attributes(event.attributes)}
            for event in span.events
        ],
        "links": [{**ids(link.context), "attributes": attributes(link.attributes)} for link in span.links],
        "status": {"code": span.status.status_code.value, "message": span.status.description or ""},
        "service": span.resource.attributes["service.name"],
        "resource": dict(span.resource.attributes),
        "scope": span.instrumentation_scope.name,
    }


def buckets_told(buckets):
    offset = {"offset": buckets.offset} if buckets.offset else {}
    return {**offset, "bucketCounts": [str(count) for count in buckets.bucket_counts]}


def point_told(metric, point):
    told = {"name": metric.name, "unit": metric.unit, "attributes": attributes(point.attributes)}
    told["timeUnixNano"] = str(point.time_unix_nano)
    if point.start_time_unix_nano:
        told["startTimeUnixNano"] = str(point.start_time_unix_nano)
    if hasattr(point, "value"):
        return {**told, **({"asInt": str(point.value)} if type(point.value) is int else {"asDouble": point.value})}
    told.update(count=str(point.count), sum=point.sum, min=point.min, max=point.max)
    if hasattr(point, "scale"):
        told.update(scale=point.scale, positive=buckets_told(point.positive), negative=buckets_told(point.negative))
    else:
        told.update(bucketCounts=[str(count) for count in point.bucket_counts], explicitBounds=point.explicit_bounds)
    return told


class SpanExporter(OTLPSpanExporter):
    def export(self, batch):
        result = super().export(batch)
        if result is SpanExportResult.SUCCESS:
            spans.extend(map(span_told, batch))
        return result


class MetricExporter(OTLPMetricExporter):
    def export(self, data, *args, **kwargs):
        result = super().export(data, *args, **kwargs)
        if result is MetricExportResult.SUCCESS:
            scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics]
            metrics = [metric for scope in scopes for metric in scope.metrics]
            points.extend(point_told(metric, point) for metric in metrics for point in metric.data.data_points)
        return result


resource = Resource({"service.name": "python", "process.pid": 42})

tracing = TracerProvider(resource=resource)
tracing.add_span_processor(BatchSpanProcessor(SpanExporter()))
tracer = tracing.get_tracer("foreign", "1.2")
for number in range(500):
    with tracer.start_as_current_span("add", kind=trace.SpanKind.PRODUCER) as parent:
        link = trace.Link(parent.get_span_context(), {"why": "retry", "number": number})
        with tracer.start_as_current_span(f'process "é"\n{number}', kind=trace.SpanKind.CONSUMER, links=[link]) as span:
            span.set_attributes({"text": 'a "b" \\ 😀\t', "whole": -number, "big": 2**62 + number, "float": 0.1, "yes": True})
            span.set_attributes({"texts": ["a", ""], "wholes": [1, -1], "floats": [1.5, 1e300], "bools": [True, False]})
            span.add_event("stage", {"n": number})
            span.set_status(trace.StatusCode.ERROR, "broken")
tracing.shutdown()

views = [View(instrument_type=Histogram, instrument_name="exponential", aggregation=ExponentialBucketHistogramAggregation())]
reader = PeriodicExportingMetricReader(MetricExporter())
metering = MeterProvider(metric_readers=[reader], resource=resource, views=views)
meter = metering.get_meter("foreign")
meter.create_observable_gauge("gauge", callbacks=[lambda _: [Observation(-1.5, {"a": "é"}), Observation(2**62)]], unit="1")
counter, up_down = meter.create_counter("counter", unit="By"), meter.create_up_down_counter("up_down")
histogram, exponential = meter.create_histogram("histogram", unit="ms"), meter.create_histogram("exponential")
for number in range(100):
    counter.add(number, {"part": number % 3, "yes": True})
    up_down.add(-0.5)
    histogram.record(number * 11)
    exponential.record(1.1**number)
reader.force_flush()
counter.add(1)
metering.shutdown()

print(json.dumps({"spans": spans, "points": points}))
