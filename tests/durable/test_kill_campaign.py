"""Workers that are killed and frozen again and again lose nothing and do nothing twice."""

import pytest

from tests.durable.kill_campaign import run_campaign


@pytest.mark.parametrize("db", ["sqlite", "postgres"])
def test_ten_kills_change_nothing(db: str) -> None:
    """`scripts/kill-campaign` makes longer campaigns."""
    report = run_campaign(db, workers=2, runs=20, kills=10, seed=1, freeze=db == "postgres")

    assert report.faults == 0, report
    assert report.kills + report.freezes == 10
    assert report.runs >= 20
    assert report.effects > 100
    assert report.lives > report.runs
