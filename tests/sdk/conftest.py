"""Run the vendors' clients on asyncio alone: on Trio they leave open generators behind."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """Name the event loop of the tests beside this file."""
    return "asyncio"
