"""Links between the spans of one run that several processes did, or one process in several lives.

In:  exports that are switched on for this process.
Out: the trace of a run's span, to be stored; earlier ones, to be linked by the next span.

A trace is the text of a `traceparent` header: https://www.w3.org/TR/trace-context/.
"""

from collections.abc import Sequence
from typing import Protocol


class SpanLinker(Protocol):
    """Knows the spans of the runs of this process."""

    def trace_of(self, run_id: str) -> str | None:
        """Return the trace of the span of a run that is open, or ended last; None if unknown."""

    def link_next(self, run_id: str, traces: Sequence[str]) -> None:
        """Link the next span of a run to earlier ones."""


_linkers: list[SpanLinker] = []


def add_span_linker(linker: SpanLinker) -> None:
    """Link the spans of stored runs from now on."""
    if linker not in _linkers:
        _linkers.append(linker)


def remove_span_linker(linker: SpanLinker) -> None:
    """Link no more."""
    if linker in _linkers:
        _linkers.remove(linker)


def span_linkers() -> Sequence[SpanLinker]:
    """Return those that were added; mostly none."""
    return _linkers
