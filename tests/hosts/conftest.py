"""Write the table of hosts at the end of a session that held conversations."""

import pytest

from tests.hosts.table import write_table


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write which conversations came out right on which host."""
    write_table(terminalreporter)
