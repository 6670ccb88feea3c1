"""Run every async test on asyncio and on Trio, and write the tables of a session at its end."""

import pytest
from hypothesis import settings

from tests.corpus import table as corpus_table
from tests.hosts.table import write_table

# How long one example takes says more of the machine than of the code.
settings.register_profile("agentkit", deadline=None)
settings.load_profile("agentkit")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write what was played and held; the properties come from wherever the tests ran."""
    corpus_table.pytest_terminal_summary(terminalreporter)
    write_table(terminalreporter)


@pytest.fixture(params=["asyncio", "trio"], ids=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Name the event loop an async test runs on; anyio's plugin reads this fixture."""
    name: str = request.param
    return name
