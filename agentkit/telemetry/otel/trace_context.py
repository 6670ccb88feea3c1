"""W3C trace context over HTTP: https://www.w3.org/TR/trace-context/.

In:  the headers of requests to a service; the current span.
Out: the caller's span as the current one; headers for requests to providers.

The caller's headers are read by the propagators of the application (`OTEL_PROPAGATORS`). Providers
get the ids of the trace alone: baggage may hold data of users.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.context import Context, attach, detach
from opentelemetry.propagate import extract
from opentelemetry.trace import SpanContext, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from agentkit.wire import TRACE_HEADERS

_PROPAGATOR = TraceContextTextMapPropagator()


@contextmanager
def caller_context(headers: Mapping[str, str]) -> Iterator[None]:
    """Make the span of the caller the current one, unless there is one already.

    A server that is instrumented itself has made one, which is inside the caller's.
    """
    if get_current_span().get_span_context().is_valid:
        yield
        return
    # A mapping of ASGI's headers has no equal names in other letters, as the propagators ask.
    found = extract({name.lower(): value for name, value in headers.items()})
    token = attach(found)
    try:
        yield
    finally:
        detach(token)


def format_trace(context: SpanContext) -> str:
    """Return the text of the header `traceparent`."""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def parse_trace(text: str) -> SpanContext | None:
    """Return the span that such a text names; None if it names none."""
    found = get_current_span(_PROPAGATOR.extract({"traceparent": text}, Context()))
    context = found.get_span_context()
    return context if context.is_valid else None


def send_context(context: SpanContext | None) -> None:
    """Send the trace context of a span with the next requests to providers; None for nothing."""
    if context is None or not context.is_valid:
        TRACE_HEADERS.set(None)
        return
    headers = {"traceparent": format_trace(context)}
    if context.trace_state:
        headers["tracestate"] = context.trace_state.to_header()
    TRACE_HEADERS.set(headers)
