"""Damaged input breaks no promise; `scripts/fuzz` tries more of it."""

from random import Random

import pytest

from tests.security import fuzz
from tests.security.fuzz import BrokenPromiseError, main, try_one
from tests.security.targets import TARGETS, Target

EXAMPLES = {"provider answers": 1_500, "MCP messages": 800, "schemas": 40, "patterns": 200}
"""About a second of each."""


@pytest.mark.parametrize("kind", TARGETS)
def test_damaged_input_breaks_no_promise(kind: str) -> None:
    """The same inputs each time; the script takes a new seed."""
    for number in range(EXAMPLES[kind]):
        try_one(kind, f"suite/{number}")


def test_a_seed_stands_for_the_same_input() -> None:
    """What the script prints can be tried again."""
    for target in TARGETS.values():
        assert repr(target.make(Random("7/3"))) == repr(target.make(Random("7/3")))  # noqa: S311


def test_a_broken_promise_is_reported_with_its_seed_and_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is 1."""

    def check(value: int) -> None:
        assert value < 90

    monkeypatch.setattr(
        fuzz, "TARGETS", {"schemas": Target(make=lambda random: random.randrange(100), check=check)}
    )

    code = main(["--seconds", "20", "--seed", "5", "--kind", "schemas"])

    shown = capsys.readouterr().out
    assert code == 1
    assert shown.startswith("seed 5\nschemas, seed '5/")
    assert "AssertionError" in shown
    assert shown.rstrip()[-2:] in {str(number) for number in range(90, 100)}


def test_work_without_a_bound_is_a_broken_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if it ends."""
    monkeypatch.setattr(fuzz, "MAX_CPU_SECONDS", 0.0)

    with pytest.raises(BrokenPromiseError, match="s of CPU"):
        try_one("patterns", "1/1")


def test_the_script_prints_what_it_tried(capsys: pytest.CaptureFixture[str]) -> None:
    """Of each kind, with the longest time of one."""
    code = main(["--seconds", "0.1"])

    lines = capsys.readouterr().out.splitlines()
    assert code == 0
    assert lines[0].startswith("seed ")
    assert [line.partition(":")[0] for line in lines[1:]] == list(TARGETS)
    assert all("tried" in line for line in lines[1:])
