"""The table at the end of a test session: which conversations succeeded with which provider.

In:  the reports of the tests that have a provider and conversations.
Out: lines on the terminal.
"""

from collections import defaultdict
from typing import Any

import pytest

PROVIDER = "provider"
SUCCEEDED = "conversations"
"""By the name of each conversation, how often it succeeded, and how often it was held."""


def write_table(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table, if conversations were held."""
    outcomes = _outcomes(terminalreporter.stats)
    if not outcomes:
        return
    names = list(dict.fromkeys(name for row in outcomes.values() for name in row))
    width = max(map(len, outcomes)) + 2
    terminalreporter.section("conversations over the sandbox of each provider")
    for provider, row in outcomes.items():
        cells = ", ".join(f"{name}: {row[name][0]}/{row[name][1]}" for name in names if name in row)
        terminalreporter.write_line(f"{provider:<{width}}{cells}")


def _outcomes(stats: dict[str, list[Any]]) -> dict[str, dict[str, list[int]]]:
    """Return for each provider its conversations, and how often each succeeded and was held."""
    found: dict[str, dict[str, list[int]]] = defaultdict(dict)
    for report in (*stats.get("passed", ()), *stats.get("failed", ())):
        properties = dict(getattr(report, "user_properties", ()))
        if PROVIDER in properties and SUCCEEDED in properties:
            row = found[properties[PROVIDER]]
            for name, (succeeded, held) in properties[SUCCEEDED].items():
                before = row.get(name, [0, 0])
                row[name] = [before[0] + succeeded, before[1] + held]
    return dict(sorted(found.items()))
