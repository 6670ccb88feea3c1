"""The table at the end of a test session: how many cases of each family came out right.

In:  the reports of the tests that carry a family and a case.
Out: lines on the terminal.

The properties travel with the reports, so that the table is the same with several workers.
"""

from collections import defaultdict
from typing import Any

import pytest

FAMILY = "corpus_family"
CASE = "corpus_case"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write the table, if cases were played; a case is right if it is so in every way of asking."""
    outcomes = _outcomes(terminalreporter.stats)
    if not outcomes:
        return
    terminalreporter.section("malformed answers")
    rows = [(family, len(cases), sum(cases.values())) for family, cases in sorted(outcomes.items())]
    rows.append(("all", sum(row[1] for row in rows), sum(row[2] for row in rows)))
    terminalreporter.write_line(f"{'family':<24}{'cases':>8}{'right':>8}")
    for family, cases, right in rows:
        terminalreporter.write_line(f"{family:<24}{cases:>8}{right:>8}")


def _outcomes(stats: dict[str, list[Any]]) -> dict[str, dict[str, bool]]:
    """Return family to case to whether it came out right."""
    found: dict[str, dict[str, bool]] = defaultdict(dict)
    for outcome in ("passed", "failed"):
        for report in stats.get(outcome, ()):
            told = dict(getattr(report, "user_properties", ()))
            if FAMILY in told:
                cases = found[told[FAMILY]]
                cases[told[CASE]] = cases.get(told[CASE], True) and outcome == "passed"
    return found
