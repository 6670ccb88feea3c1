"""Run every async test on asyncio and on Trio; nothing else here is global."""

import pytest

from tests.corpus.table import pytest_terminal_summary

__all__ = ["pytest_terminal_summary"]  # a hook; pytest looks for it here


@pytest.fixture(params=["asyncio", "trio"], ids=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Name the event loop an async test runs on; anyio's plugin reads this fixture."""
    name: str = request.param
    return name
