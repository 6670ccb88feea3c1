"""The table at the end of a test session: the number of right outcomes in each family.

In:  the reports of the tests that have a family and a case.
Out: lines on the terminal.

The properties are part of the reports, so the table is the same with several workers.
"""

from collections import defaultdict
from typing import Any

import pytest

FAMILY = "corpus_family"
CASE = "corpus_case"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table, if cases were run; a case is right if all its tests passed."""
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
    """Return for each family its cases, and whether each is right."""
    found: dict[str, dict[str, bool]] = defaultdict(dict)
    for outcome in ("passed", "failed"):
        for report in stats.get(outcome, ()):
            properties = dict(getattr(report, "user_properties", ()))
            if FAMILY in properties:
                cases = found[properties[FAMILY]]
                cases[properties[CASE]] = cases.get(properties[CASE], True) and outcome == "passed"
    return found
