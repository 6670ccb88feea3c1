"""Measure tokens, under the names of the conventions that the environment asks for.

In:  the usage of model calls.
Out: the histogram of the released conventions, the counters of the latest ones, or both.

`OTEL_SEMCONV_STABILITY_OPT_IN` holds a list: `gen_ai_latest_experimental` replaces the released
names, `gen_ai_latest_experimental/dup` adds the latest ones to them.
"""

import os
from collections.abc import Mapping
from typing import Protocol

from opentelemetry.metrics import Counter, Meter

from agentkit.telemetry.otel import semconv
from agentkit.usage import Usage

_BOUNDARIES = tuple(4.0**power for power in range(14))

_COUNTERS = {
    semconv.LATEST_INPUT_TOKENS: "Input tokens, with those from a cache.",
    semconv.LATEST_OUTPUT_TOKENS: "Output tokens, with those of reasoning.",
    semconv.LATEST_CACHE_READ_TOKENS: "Input tokens that were read from a cache.",
    semconv.LATEST_CACHE_WRITE_TOKENS: "Input tokens that were written to a cache.",
    semconv.LATEST_REASONING_TOKENS: "Output tokens of reasoning.",
}


class TokenMetrics(Protocol):
    """Measures the tokens of a model call."""

    def record(self, usage: Usage, named: Mapping[str, str]) -> None:
        """Measure one call; `named` are the attributes of its operation."""


def token_metrics(meter: Meter) -> list[TokenMetrics]:
    """Return what measures tokens; see `semconv.STABILITY_OPT_IN`."""
    chosen = {one.strip() for one in os.environ.get(semconv.STABILITY_OPT_IN, "").split(",")}
    found: list[TokenMetrics] = []
    if semconv.OPT_IN_LATEST not in chosen:
        found.append(_Released(meter))
    if chosen & {semconv.OPT_IN_LATEST, semconv.OPT_IN_BOTH}:
        found.append(_Latest(meter))
    return found


class _Released:
    """One histogram for both directions."""

    def __init__(self, meter: Meter) -> None:
        self._tokens = meter.create_histogram(
            semconv.TOKEN_USAGE,
            unit="{token}",
            description="Tokens of model calls.",
            explicit_bucket_boundaries_advisory=_BOUNDARIES,
        )

    def record(self, usage: Usage, named: Mapping[str, str]) -> None:
        self._tokens.record(usage.input_tokens, {**named, semconv.TOKEN_TYPE: "input"})
        self._tokens.record(usage.output_tokens, {**named, semconv.TOKEN_TYPE: "output"})


class _Latest:
    """Counters of what is spent, and a histogram for each direction."""

    def __init__(self, meter: Meter) -> None:
        self._counters: Mapping[str, Counter] = {
            name: meter.create_counter(name, unit="{token}", description=text)
            for name, text in _COUNTERS.items()
        }
        self._input, self._output = (
            meter.create_histogram(
                name,
                unit="{token}",
                description=text,
                explicit_bucket_boundaries_advisory=_BOUNDARIES,
            )
            for name, text in (
                (semconv.LATEST_INPUT_PER_CALL, "Input tokens of a model call."),
                (semconv.LATEST_OUTPUT_PER_CALL, "Output tokens of a model call."),
            )
        )

    def record(self, usage: Usage, named: Mapping[str, str]) -> None:
        # Providers do not break their figures down by text, images and audio.
        counted = {**named, semconv.LATEST_MODALITY: "unknown"}
        self._counters[semconv.LATEST_INPUT_TOKENS].add(usage.input_tokens, counted)
        self._counters[semconv.LATEST_OUTPUT_TOKENS].add(usage.output_tokens, counted)
        parts = {
            semconv.LATEST_CACHE_READ_TOKENS: usage.cache_read_tokens,
            semconv.LATEST_CACHE_WRITE_TOKENS: usage.cache_write_tokens,
            semconv.LATEST_REASONING_TOKENS: usage.reasoning_tokens,
        }
        for name, tokens in parts.items():
            if tokens:
                self._counters[name].add(tokens, counted)
        self._input.record(usage.input_tokens, named)
        self._output.record(usage.output_tokens, named)
