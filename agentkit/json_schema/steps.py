"""Bound the work of a check.

In:  how many steps a check may take; the steps it takes.
Out: `TooManyStepsError` once they are used up.

A schema of a few kilobytes can ask for exponential work: references that multiply, or subschemas
that are evaluated again at every level. Every keyword that is evaluated is a step; a keyword with a
long value, or on a long value, is several.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class TooManyStepsError(Exception):
    """A check needs more work than an honest schema and value do."""


_steps_left: ContextVar[list[int] | None] = ContextVar("agentkit_schema_steps", default=None)


@contextmanager
def limited(steps: int) -> Iterator[None]:
    """Allow the checks in the body that many steps."""
    token = _steps_left.set([steps])
    try:
        yield
    finally:
        _steps_left.reset(token)


def spend(steps: int = 1) -> None:
    """Count steps, if they are limited.

    Raises:
        TooManyStepsError: the check has used up its steps.
    """
    left = _steps_left.get()
    if left is not None:
        left[0] -= steps
        if left[0] < 0:
            raise TooManyStepsError
