"""A run that dies at any step, and is started again, ends as if it had not."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agentkit import History, ToolResult
from tests.integration.durable_program import KILLED, MOMENTS


@pytest.fixture(scope="module", params=["asyncio", "trio"])
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the outcome of a run without a fault, then of one for each point of death."""
    program = Path(__file__).parent / "durable_program.py"
    folder = tmp_path_factory.mktemp("durable")
    done = subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, program, folder, request.param],
        capture_output=True,
        check=False,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _killed(outcomes: list[Any]) -> list[Any]:
    return [one for one in outcomes if one["at"] is not None]


def _begun_once(one: Any) -> bool:
    """Return whether the process died while a tool was at work that must not run twice."""
    name, moment = one["at"]
    return name.endswith("/append") and moment in ("begun", "done")


def test_every_moment_of_every_step_is_tried(outcomes: list[Any]) -> None:
    """Three exchanges and six calls, each with four moments; two of them without a check, too."""
    names = outcomes[0]["names"]

    assert names == [
        "run",
        "s1",
        "s1/m1/model",
        "s1/m2/tool-1/append",
        "s1/m2/tool-2/look",
        "s1/m2/tool-3/mark",
        "s1/m2/tools",
        "s1/m5/model",
        "s1/m6/tool-1/append",
        "s1/m6/tool-2/look",
        "s1/m6/tool-3/mark",
        "s1/m6/tools",
        "s1/m9/model",
    ]
    assert len(_killed(outcomes)) == (len(names) + 2) * len(MOMENTS)
    assert all(one["end"] == KILLED for one in _killed(outcomes))


def test_a_run_that_died_ends_with_the_same_history(outcomes: list[Any]) -> None:
    """Unless it died while something was done that cannot be known or done again."""
    complete = outcomes[0]["history"]

    differ = [one["at"] for one in _killed(outcomes) if one["history"] != complete]

    assert differ
    for one in _killed(outcomes):
        known = one["with_check"] and one["at"][1] == "done"
        assert (one["history"] == complete) == (known or not _begun_once(one)), one["at"]


def test_nothing_that_must_not_happen_twice_does(outcomes: list[Any]) -> None:
    """Also if it is unknown whether it happened once."""
    for one in outcomes:
        assert sorted(set(one["lines"])) == sorted(one["lines"]), one["at"]
        died_before_it_was_done = one["at"] is not None and (
            _begun_once(one) and one["at"][1] == "begun"
        )
        assert len(one["lines"]) == (1 if died_before_it_was_done else 2), one["at"]


def test_no_step_that_is_remembered_runs_again(outcomes: list[Any]) -> None:
    """A model is asked once more only where its answer was lost."""
    for one in _killed(outcomes):
        name, moment = one["at"]
        lost = name.endswith("/model") and moment == "done"
        assert one["asked"] == (4 if lost else 3), one["at"]


def test_an_outcome_that_is_not_known_is_said_to_be_unknown(outcomes: list[Any]) -> None:
    """The model can find out by other means, or tell the user."""
    unknown = 0
    for one in _killed(outcomes):
        texts = [
            message.text
            for message in History.from_json(one["history"])
            if isinstance(message, ToolResult) and message.is_error
        ]
        if _begun_once(one) and not (one["with_check"] and one["at"][1] == "done"):
            unknown += 1
            assert len(texts) == 1
            assert "is unknown" in texts[0]
        else:
            assert texts == []

    assert unknown == 6


def test_a_tool_sees_the_same_key_in_every_life(outcomes: list[Any]) -> None:
    """A service recognizes the same call."""
    for one in outcomes:
        assert "run-1/mark00001: mark 1" in one["history"]
