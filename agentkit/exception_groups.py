"""Unwrap exception groups, so that callers of agentkit see plain exceptions.

In:  the exception group that a task group raises, even for a single exception.
Out: its most urgent exception.
"""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ungrouped() -> Iterator[None]:
    """Raise the most urgent exception of a group that the body raised, in place of the group.

    Exceptions that end the program (`KeyboardInterrupt`, `SystemExit`) come first, then the one
    that was raised first. The others are listed in its notes.
    """
    try:
        yield
    except BaseExceptionGroup as group:
        urgent = most_urgent(group)
        raise urgent from urgent.__cause__


def most_urgent(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the most urgent exception of a group; see `ungrouped`."""
    found = list(leaves(group))
    urgent = next((leaf for leaf in found if not isinstance(leaf, Exception)), found[0])
    for other in found:
        if other is not urgent:
            urgent.add_note(f"At the same time: {type(other).__name__}: {other}")
    return urgent


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the exceptions of nested groups in order; of no group, the exception itself."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error
