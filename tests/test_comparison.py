"""The tables of the comparison are those of the recorded outcomes, and how an outcome is judged."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agentkit.sandbox import FAULTS
from benchmarks.comparison_tables import cell_of, counts_table, faults_table
from benchmarks.correctness import is_permanent, verdict_of
from benchmarks.peers.environments import PEERS
from benchmarks.question import FORECASTS

ROOT = Path(__file__).resolve().parents[1]
OUTCOMES = json.loads((ROOT / "docs" / "comparison.json").read_text(encoding="utf-8"))
ANSWER = "Oslo: 4 degrees and rain. Rome: 21 degrees and sun."


def test_the_documents_show_the_recorded_outcomes() -> None:
    """`python -m benchmarks.correctness --write` puts them there."""
    page = (ROOT / "docs" / "comparison.md").read_text(encoding="utf-8")

    assert counts_table(OUTCOMES) in page
    assert faults_table(OUTCOMES) in page
    assert counts_table(OUTCOMES) in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_outcomes_are_complete() -> None:
    """Every framework, in the version that is pinned, and every fault."""
    frameworks = OUTCOMES["frameworks"]

    assert frameworks.keys() == {"agentkit", *PEERS}
    assert all(frameworks[name]["packages"] == list(peer.packages) for name, peer in PEERS.items())
    asked = {"none", *FAULTS} - {"no_call"}  # it is a fault if a call is required, which none is
    assert frameworks["agentkit"]["outcomes"].keys() == asked
    assert OUTCOMES["permanent"] == [fault for fault in FAULTS if is_permanent(fault)]


def test_every_framework_is_right_without_a_fault() -> None:
    """Or it was written wrongly, and its other outcomes would prove nothing."""
    for framework in OUTCOMES["frameworks"].values():
        outcomes = framework["outcomes"]["none"]
        assert [outcomes[mode]["verdict"] for mode in ("complete", "streamed")] == ["right"] * 2


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        ({"ended": "never"}, "never"),
        ({"ended": "raised", "error": "X: y"}, "error"),
        ({"ended": "returned", "text": ANSWER, "ran": [*FORECASTS]}, "right"),
        ({"ended": "returned", "text": ANSWER, "ran": ["Rome", "Oslo"]}, "right"),
        ({"ended": "returned", "text": ANSWER, "ran": [*FORECASTS, "Oslo"]}, "wrong"),
        ({"ended": "returned", "text": ANSWER, "ran": []}, "wrong"),
        ({"ended": "returned", "text": ANSWER[:25], "ran": [*FORECASTS]}, "wrong"),
        ({"ended": "returned", "text": "", "ran": []}, "wrong"),
    ],
)
def test_an_outcome_is_judged(outcome: Mapping[str, Any], verdict: str) -> None:
    """A tool that ran twice is wrong, too."""
    assert verdict_of(outcome) == verdict


@pytest.mark.parametrize(
    ("modes", "cell"),
    [
        ({}, "not sent"),
        ({"streamed": {"verdict": "error"}}, "error"),
        ({"complete": {"verdict": "right"}, "streamed": {"verdict": "right"}}, "right"),
        ({"complete": {"verdict": "right"}, "streamed": {"verdict": "wrong"}}, "right / **wrong**"),
    ],
)
def test_a_cell_has_one_word_if_both_modes_agree(modes: Mapping[str, Any], cell: str) -> None:
    """The complete answer comes first."""
    assert cell_of(modes) == cell
