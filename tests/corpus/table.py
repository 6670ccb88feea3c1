"""The tables at the end of a test session: the number of right outcomes in each family.

In:  the reports of the tests that have a family and cases.
Out: lines on the terminal.

The properties are part of the reports, so the tables are the same with several workers.
"""

from collections import defaultdict
from typing import Any

import pytest

FAMILY = "corpus_family"
CASES = "corpus_cases"
"""The cases that a test checks, by their names, and whether each is right."""

SUITE_FAMILY = "canitoolcall_family"

_TITLES = {FAMILY: "malformed answers", SUITE_FAMILY: "calls in text (canitoolcall)"}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print a table for each kind of case that was run; a case is right if all its tests are."""
    for kind, title in _TITLES.items():
        outcomes = _outcomes(terminalreporter.stats, kind)
        if not outcomes:
            continue
        terminalreporter.section(title)
        rows = [(name, len(cases), sum(cases.values())) for name, cases in sorted(outcomes.items())]
        rows.append(("all", sum(row[1] for row in rows), sum(row[2] for row in rows)))
        terminalreporter.write_line(f"{'family':<24}{'cases':>8}{'right':>8}")
        for family, cases, right in rows:
            terminalreporter.write_line(f"{family:<24}{cases:>8}{right:>8}")


def _outcomes(stats: dict[str, list[Any]], kind: str) -> dict[str, dict[str, bool]]:
    """Return for each family its cases, and whether each is right."""
    found: dict[str, dict[str, bool]] = defaultdict(dict)
    for outcome in ("passed", "failed"):
        for report in stats.get(outcome, ()):
            properties = dict(getattr(report, "user_properties", ()))
            if kind in properties:
                cases = found[properties[kind]]
                for name, is_right in properties[CASES].items():
                    cases[name] = cases.get(name, True) and is_right
    return found
