"""Check after each test of this folder that it left nothing alive."""

from collections.abc import AsyncIterator, Iterator
from inspect import iscoroutinefunction

import pytest

from tests.integration.leaks import Alive, left_since, tasks_alive, tasks_left_since


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Fail a test that leaves a thread, a socket or a child process."""
    before = Alive.now()
    yield
    left = left_since(before)
    assert not left, f"The test left behind: {', '.join(left)}."


@pytest.fixture
async def no_task_left() -> AsyncIterator[None]:
    """Fail an async test that leaves a task."""
    before = tasks_alive()
    yield
    left = await tasks_left_since(before)
    assert not left, f"The test left behind: {', '.join(left)}."


def pytest_pycollect_makeitem(name: str, obj: object) -> None:
    """Add `no_task_left` to each async test; a sync test has no event loop for it."""
    if name.startswith("test") and iscoroutinefunction(obj):
        pytest.mark.usefixtures("no_task_left")(obj)
