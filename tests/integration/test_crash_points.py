"""A run that is stopped at any effect, write or await point ends as if it had not been."""

import json
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from agentkit.durable.journal import FileJournal
from agentkit.errors import RunLost
from tests.integration.crash_scenarios import (
    SCENARIOS,
    Ledger,
    Life,
    Moments,
    StoppingFileJournal,
    StoppingMemoryJournal,
    file_keys,
)
from tests.integration.durable_program import KILLED
from tests.integration.test_interruption import _stop_after

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", params=["asyncio", "trio"])
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the outcomes of four runs, undisturbed and ended at each moment."""
    folder = tmp_path_factory.mktemp("crash")
    done = subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-m", "tests.integration.crash_program", folder, request.param],
        capture_output=True,
        check=False,
        cwd=ROOT,
        text=True,
        timeout=240,  # 12 s of one core; a busy machine takes longer
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _twice(keys: Any) -> list[Any]:
    return [key for key, count in Counter(map(tuple, keys)).items() if count > 1]


def test_a_process_that_ends_at_any_moment_changes_nothing(outcomes: list[Any]) -> None:
    """The history is the undisturbed one; no effect happens and no key is written twice."""
    complete = {one["scenario"]: one for one in outcomes if one["at"] is None}
    assert set(complete) == set(SCENARIOS)
    for one in outcomes:
        place = (one["scenario"], one["at"])
        undisturbed = complete[one["scenario"]]
        assert one["end"] == (None if one["at"] is None else KILLED), place
        assert json.loads(one["history"]) == json.loads(undisturbed["history"]), place
        assert one["twice"] == [], place
        assert _effects(one["lines"]) == _effects(undisturbed["lines"]), place
        assert _twice(one["keys"]) == [], place
        assert sorted(one["keys"]) == sorted(undisturbed["keys"]), place
    assert len(outcomes) > 200


def test_a_model_is_asked_again_only_if_its_answer_was_lost(outcomes: list[Any]) -> None:
    """At most one answer and one result of a reading tool are lost with a process."""
    complete = {one["scenario"]: one for one in outcomes if one["at"] is None}
    for one in outcomes:
        more = len(one["lines"]) - len(complete[one["scenario"]]["lines"])
        lost = 2 if one["scenario"] == "agents_in_parallel" else 1  # two runs side by side
        assert 0 <= more <= lost, (one["scenario"], one["at"])


def _effects(lines: list[str]) -> list[str]:
    return sorted(line for line in lines if line.startswith("appended"))


async def _undisturbed(scenario: str, folder: Path) -> tuple[str, list[str], int]:
    """Return the history, the effects and the number of moments of a run that is not stopped."""
    journal, ledger = StoppingMemoryJournal([]), Ledger(folder / "complete.txt")
    history = await SCENARIOS[scenario](Life(journal, ledger))
    return history.to_json(), _effects(ledger.lines), journal.moments.count


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_a_run_that_is_lost_at_any_moment_goes_on_from_memory(
    scenario: str, tmp_path: Path
) -> None:
    """A life ends with `RunLost` at each moment in turn, and the next has the same journal."""
    history, effects, moments = await _undisturbed(scenario, tmp_path)
    for at in range(1, moments + 1):
        ledger, written = Ledger(tmp_path / f"{at}.txt"), list[tuple[str, str]]()
        journal = StoppingMemoryJournal(written)
        journal.moments = Moments(_lose, at=at)
        with pytest.raises(RunLost):
            await SCENARIOS[scenario](Life(journal, ledger))
        journal.moments = Moments(lambda: None)

        again = await SCENARIOS[scenario](Life(journal, ledger))

        assert again.to_json() == history, at
        assert _effects(ledger.lines) == effects, at
    assert moments > 40


def _lose() -> None:
    raise RunLost("Another process took the run over.")


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_a_run_that_is_cancelled_at_any_await_goes_on_from_memory(
    scenario: str, tmp_path: Path
) -> None:
    """It is cancelled in each round of the event loop in turn, and then runs again."""
    history, effects, _ = await _undisturbed(scenario, tmp_path)
    ticks, ended = -1, False
    while not ended:
        ticks += 1
        ledger, written = Ledger(tmp_path / f"{ticks}.txt"), list[tuple[str, str]]()
        journal = StoppingMemoryJournal(written)

        ended = await _stop_after(ticks, partial(SCENARIOS[scenario], Life(journal, ledger)))
        again = await SCENARIOS[scenario](Life(journal, ledger))

        assert again.to_json() == history, ticks
        assert _effects(ledger.lines) == effects, ticks
        assert _twice(written) == [], ticks
    assert ticks > 30


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_a_run_that_is_cancelled_at_any_moment_goes_on_from_its_file(
    scenario: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is cancelled before and after each effect and write, and then runs again."""
    monkeypatch.setattr("os.fsync", lambda _handle: None)  # no power failure is tested here
    history, effects, moments = await _undisturbed(scenario, tmp_path)
    for at in range(1, moments + 1):
        ledger, path = Ledger(tmp_path / f"{at}.txt"), tmp_path / f"{at}.jsonl"
        with anyio.CancelScope() as scope:
            journal = StoppingFileJournal(path, Moments(scope.cancel, at=at))
            await SCENARIOS[scenario](Life(journal, ledger))
        assert scope.cancel_called
        del journal

        again = await SCENARIOS[scenario](Life(FileJournal(path), ledger))

        assert again.to_json() == history, at
        assert _effects(ledger.lines) == effects, at
        assert _twice(file_keys(path)) == [], at
