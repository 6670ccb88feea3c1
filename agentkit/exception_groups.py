"""Unwrap exception groups, so that callers of agentkit see plain exceptions.

In:  the exception group that a task group raises, even for a single exception.
Out: its most urgent exception.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from agentkit.errors import JournalError


@contextmanager
def ungrouped() -> Iterator[None]:
    """Raise the most urgent exception of a group that the body raised, in place of the group.

    Exceptions that end the program (`KeyboardInterrupt`, `SystemExit`) come first, then a
    `JournalError`, then the one that was raised first. The others are listed in its notes.
    """
    try:
        yield
    except BaseExceptionGroup as group:
        urgent = most_urgent(group)
        raise urgent from urgent.__cause__


def most_urgent(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the most urgent exception of a group; see `ungrouped`."""
    found = list(leaves(group))
    urgent = min(found, key=_urgency)  # the first of those that are equally urgent
    for other in found:
        if other is not urgent:
            urgent.add_note(f"At the same time: {type(other).__name__}: {other}")
    return urgent


def raise_if_fatal(error: BaseException) -> None:
    """Raise what must reach the caller of a run, alone or in a group: a `JournalError`.

    A run whose effects cannot be recorded must not go on with an error result for the model.

    Raises:
        JournalError: the error, or one in the group.
    """
    for leaf in leaves(error):
        if isinstance(leaf, JournalError):
            raise leaf


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the exceptions of nested groups in order; of no group, the exception itself."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error


def _urgency(error: BaseException) -> int:
    if not isinstance(error, Exception):
        return 0
    return 1 if isinstance(error, JournalError) else 2
