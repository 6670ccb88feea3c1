"""Bound the work of a check.

In:  how many steps a check may take; the steps it takes, the places it visits.
Out: `TooManyStepsError` once they are used up, `RecursionError` for a place inside itself.

A schema of a few kilobytes can ask for exponential work: references that multiply, or subschemas
that are evaluated again at every level. Every keyword that is evaluated is a step; a keyword with a
long value, or on a long value, is several.

A reference that leads back to itself would go on until Python's limit of recursion. At that depth
an error can be raised anywhere, also inside a library that does not expect one, so it ends here.
"""

from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


class TooManyStepsError(Exception):
    """A check needs more work than an honest schema and value do."""


@dataclass(slots=True)
class _Work:
    steps_left: int
    visited: set[Hashable] = field(default_factory=set)


_work: ContextVar[_Work | None] = ContextVar("agentkit_schema_work", default=None)


@contextmanager
def limited(steps: int) -> Iterator[None]:
    """Allow the checks in the body that many steps."""
    token = _work.set(_Work(steps))
    try:
        yield
    finally:
        _work.reset(token)


def spend(steps: int = 1) -> None:
    """Count steps, if they are limited.

    Raises:
        TooManyStepsError: the check has used up its steps.
    """
    work = _work.get()
    if work is not None:
        work.steps_left -= steps
        if work.steps_left < 0:
            raise TooManyStepsError


def visit(place: Hashable, found: Iterable[T]) -> Iterator[T]:
    """Yield what is found at a place.

    Args:
        place: a part of the schema with a part of the value.
        found: what is found there; lazy, since the place counts as visited meanwhile.

    Raises:
        RecursionError: the place is inside itself.
    """
    work = _work.get()
    if work is None:
        yield from found
        return
    if place in work.visited:
        raise RecursionError
    work.visited.add(place)
    try:
        yield from found
    finally:
        work.visited.discard(place)
