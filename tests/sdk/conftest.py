"""Run the vendors' clients on asyncio alone: on Trio they do not close their generators."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """Name the event loop of the tests in this folder."""
    return "asyncio"
