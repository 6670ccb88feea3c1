"""Keep exception groups inside.

In:  what leaves a task group.
Out: one exception, the most urgent of those in it.

A task group wraps even a single exception; callers of agentkit see plain ones.
"""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ungrouped() -> Iterator[None]:
    """Raise, in place of an exception group from the body, the most urgent exception in it.

    What wants to end the program comes first, then the first that was raised; the others are
    named in its notes.
    """
    try:
        yield
    except BaseExceptionGroup as group:
        urgent = most_urgent(group)
        raise urgent from urgent.__cause__


def most_urgent(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the exception of a group that counts; see `ungrouped`."""
    leaves = list(_leaves(group))
    urgent = next((leaf for leaf in leaves if not isinstance(leaf, Exception)), leaves[0])
    for other in leaves:
        if other is not urgent:
            urgent.add_note(f"At the same time: {type(other).__name__}: {other}")
    return urgent


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """Yield the exceptions of nested groups, first to last."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
