"""Check a group of cases in one test, and report every case that fails.

In:  blocks of checks, each with the name of its case.
Out: an `ExceptionGroup` with the failure of each case, or nothing.

A test of its own costs more than most cases: its fixtures, its event loop, its report.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeAlias

CaseGroup: TypeAlias = Callable[[str], AbstractContextManager[None]]


@contextmanager
def case_group() -> Iterator[CaseGroup]:
    """Return a function that makes the context of one case, from its name."""
    failures: list[Exception] = []

    @contextmanager
    def case(name: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - reported below, after the other cases
            error.add_note(f"In the case {name!r}.")
            failures.append(error)

    yield case
    if failures:
        raise ExceptionGroup(f"{len(failures)} cases failed", failures)
