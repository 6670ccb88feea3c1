"""Metrics of runs for Prometheus. Needs the extra `metrics`."""

from agentkit.telemetry.prometheus.prometheus_metrics import PrometheusMetrics

__all__ = ["PrometheusMetrics"]
