"""Sends known spans, metrics and log records with the stock OpenTelemetry SDK, over gRPC or HTTP, and prints their ids as JSON.

Usage: send.py grpc|http ENDPOINT SERVICE
"""

import json
import logging
import sys

from opentelemetry import trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

protocol, endpoint, service = sys.argv[1:4]

if protocol == "grpc":
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    exporters = {
        "traces": OTLPSpanExporter(endpoint=endpoint, insecure=True),
        "metrics": OTLPMetricExporter(endpoint=endpoint, insecure=True),
        "logs": OTLPLogExporter(endpoint=endpoint, insecure=True),
    }
else:
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    exporters = {
        "traces": OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", compression=Compression.Gzip),
        "metrics": OTLPMetricExporter(endpoint=f"{endpoint}/v1/metrics"),
        "logs": OTLPLogExporter(endpoint=f"{endpoint}/v1/logs"),
    }

resource = Resource.create(
    {"service.name": service, "service.instance.id": "one", "deployment.environment": "test", "answer": 42}
)

tracing = TracerProvider(resource=resource)
tracing.add_span_processor(BatchSpanProcessor(exporters["traces"]))
logs = LoggerProvider(resource=resource)
logs.add_log_record_processor(BatchLogRecordProcessor(exporters["logs"]))
set_logger_provider(logs)
metrics = MeterProvider(
    resource=resource,
    metric_readers=[PeriodicExportingMetricReader(exporters["metrics"], export_interval_millis=3_600_000)],
    views=[View(instrument_name="work.duration", aggregation=ExplicitBucketHistogramAggregation([0.1, 1.0, 10.0]))],
)

tracer = tracing.get_tracer("python-scope", "1.2.3")
with tracer.start_as_current_span(
    "GET /orders",
    kind=SpanKind.SERVER,
    attributes={"http.route": "/orders", "size": 17, "ratio": 0.5, "cached": True, "tags": ["a", "b"]},
) as root:
    root.add_event("checked", {"rule": "stock", "n": 3})
    with tracer.start_as_current_span("SELECT orders", kind=SpanKind.CLIENT, links=[Link(root.get_span_context())]) as child:
        child.set_status(Status(StatusCode.ERROR, "no such table"))
        try:
            raise ValueError("bad order")
        except ValueError as error:
            child.record_exception(error)
        logger = logging.getLogger("orders")
        logger.setLevel(logging.DEBUG)
        logger.addHandler(LoggingHandler(logger_provider=logs))
        logger.error("order 17 was refused", extra={"order": 17, "reason": "stock"})

meter = metrics.get_meter("python-scope")
requests = meter.create_counter("requests", unit="1", description="Requests served.")
requests.add(3, {"method": "GET"})
requests.add(4, {"method": "POST"})
meter.create_up_down_counter("queue.length", description="Waiting.").add(-2)
meter.create_gauge("temperature", unit="Cel").set(21.5)
duration = meter.create_histogram("work.duration", unit="s", description="Time to work.")
for seconds in (0.05, 0.5, 0.7, 100.0):
    duration.record(seconds, {"kind": "fast"})

metrics.shutdown()
tracing.shutdown()
logs.shutdown()

context = root.get_span_context()
print(
    json.dumps(
        {
            "trace_id": trace.format_trace_id(context.trace_id),
            "root_id": trace.format_span_id(context.span_id),
            "child_id": trace.format_span_id(child.get_span_context().span_id),
        }
    )
)
