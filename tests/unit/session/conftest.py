"""Sessions in an empty database of each kind."""

from collections.abc import AsyncIterator

import pytest

from agentkit.session import Sessions
from agentkit.store.open_store import open_store
from agentkit.testing import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    """Return the clock that the sessions use."""
    return ManualClock()


@pytest.fixture
async def sessions(database_url: str, clock: ManualClock) -> AsyncIterator[Sessions]:
    """Open a database."""
    async with open_store(database_url) as store:
        yield Sessions(store, clock=clock)
