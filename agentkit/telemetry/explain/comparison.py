"""Compare two runs.

In:  two `Explanation`s.
Out: `Comparison`: measures, and their steps next to each other.
"""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from agentkit.telemetry.explain.durations import duration, money
from agentkit.telemetry.explain.explanation import Explanation
from agentkit.value import dataclass

_MAX_STEPS = 2_000


class Measure(NamedTuple):
    """One measure of both runs; `change` is above 0 if this run has more."""

    name: str
    this: str
    other: str
    difference: str
    change: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What is different between two runs.

    Attributes:
        other_id: the run it is compared with.
        measures: outcome, time, tokens and the like.
        steps: titles next to each other; empty where one run has no such step.
    """

    other_id: str
    measures: tuple[Measure, ...]
    steps: tuple[tuple[str, str], ...]


def compare(this: Explanation, other: Explanation) -> Comparison:
    """Compare a run with another."""
    return Comparison(
        other_id=other.run_id,
        measures=tuple(_measures(this, other)),
        steps=tuple(_aligned(_titles(this), _titles(other))),
    )


def _measures(this: Explanation, other: Explanation) -> Iterator[Measure]:
    same = "same" if this.outcome == other.outcome else "different"
    yield Measure("Outcome", this.outcome, other.outcome, same)
    for name, mine, theirs in (
        ("Time without people", this.time.without_people, other.time.without_people),
        ("Model", this.time.model, other.time.model),
        ("Tools", this.time.tools, other.time.tools),
    ):
        change = mine - theirs
        sign = "-" if change < 0 else "+"
        shown = f"{sign}{duration(abs(change))}"
        yield Measure(name, duration(mine), duration(theirs), shown, change)
    for name, count, others in (
        ("Exchanges", this.exchanges, other.exchanges),
        ("Tokens", this.usage.total_tokens, other.usage.total_tokens),
        ("Repaired", this.count("repaired"), other.count("repaired")),
        ("Retried", this.count("retried"), other.count("retried")),
        ("Rejected", this.count("rejected"), other.count("rejected")),
    ):
        yield Measure(name, f"{count:,}", f"{others:,}", f"{count - others:+,}", count - others)
    costs = this.usage.cost_usd, other.usage.cost_usd
    if costs[0] is not None and costs[1] is not None:
        change = float(costs[0] - costs[1])
        yield Measure("Money", money(costs[0]), money(costs[1]), f"{change:+.4f}", change)


def _titles(explanation: Explanation) -> list[str]:
    """Return a line for each step, with its remarks."""
    return [
        ", ".join([step.title, *(badge.text for badge in step.badges)])
        for step in explanation.steps[:_MAX_STEPS]
        if step.kind != "agent"
    ]


def _aligned(these: Sequence[str], others: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Return both lists next to each other, equal lines in one row."""
    for _, low, high, first, last in SequenceMatcher(None, these, others).get_opcodes():
        for at in range(max(high - low, last - first)):
            this = these[low + at] if low + at < high else ""
            other = others[first + at] if first + at < last else ""
            yield this, other
