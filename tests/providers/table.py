"""The table at the end of a test session: which conversations succeeded with which provider.

In:  the reports of the tests that have a provider and a conversation.
Out: lines on the terminal.
"""

from collections import defaultdict
from typing import Any

import pytest

PROVIDER = "provider"
WHAT = "conversation"


def write_table(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table, if conversations were run; one succeeded if all its tests passed."""
    outcomes = _outcomes(terminalreporter.stats)
    if not outcomes:
        return
    names = list(dict.fromkeys(name for row in outcomes.values() for name in row))
    width = max(map(len, outcomes)) + 2
    terminalreporter.section("conversations over the sandbox of each provider")
    for provider, row in outcomes.items():
        cells = ", ".join(
            f"{name}: {row[name][0]}/{sum(row[name])}" for name in names if name in row
        )
        terminalreporter.write_line(f"{provider:<{width}}{cells}")


def _outcomes(stats: dict[str, list[Any]]) -> dict[str, dict[str, list[int]]]:
    """Return for each provider its conversations, and how often each succeeded and failed."""
    found: dict[str, dict[str, list[int]]] = defaultdict(dict)
    for place, outcome in enumerate(("passed", "failed")):
        for report in stats.get(outcome, ()):
            properties = dict(getattr(report, "user_properties", ()))
            if PROVIDER in properties and WHAT in properties:
                found[properties[PROVIDER]].setdefault(properties[WHAT], [0, 0])[place] += 1
    return dict(sorted(found.items()))
