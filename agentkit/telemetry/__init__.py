"""What a run did: exported to OpenTelemetry (`otel`), or explained (`explain`)."""
