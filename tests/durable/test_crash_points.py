"""A stored run whose worker ends at any effect or write ends as if that had not happened."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from tests.durable.crash_program import SCENARIOS
from tests.integration.durable_program import KILLED

ROOT = Path(__file__).resolve().parents[2]
MAY_BE_REPEATED = {"run_started", "turn_started", "tool_call_started", "tool_call_finished"}
BACKENDS = {"sqlite": "trio", "postgresql": "asyncio"}


def test_a_worker_that_ends_at_any_moment_changes_nothing(
    database_url: str, tmp_path: Path
) -> None:
    """The history is the undisturbed one; no effect happens twice and no event is lost."""
    outcomes = run_program(tmp_path, database_url)
    complete = {one["scenario"]: one for one in outcomes if one["at"] is None}
    assert set(complete) == set(SCENARIOS)
    for one in outcomes:
        place = (one["scenario"], one["at"])
        undisturbed = complete[one["scenario"]]
        assert one["ends"] == ([0] if one["at"] is None else [KILLED, 0]), place
        assert one["status"] == "done", place
        assert json.loads(one["history"]) == json.loads(undisturbed["history"]), place
        assert one["twice"] == [], place
        assert effects(one["lines"]) == effects(undisturbed["lines"]), place
        assert one["keys"] == undisturbed["keys"], place
        assert one["begun"] == [], place
        check_events(one, undisturbed)
    assert len(outcomes) > 150


def run_program(folder: Path, url: str) -> Any:
    """Return the outcomes of three runs, undisturbed and ended at each moment."""
    backend = BACKENDS[url.partition(":")[0]]
    done = subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-m", "tests.durable.crash_program", folder, url, backend],
        capture_output=True,
        check=False,
        cwd=ROOT,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def effects(lines: list[str]) -> list[str]:
    """Return what must happen once."""
    return sorted(line for line in lines if line.startswith("appended"))


def check_events(one: Any, undisturbed: Any) -> None:
    """No number is missing or double; no event is lost, and what ends or begins comes once."""
    place = (one["scenario"], one["at"])
    assert one["places"] == list(range(1, len(one["places"]) + 1)), place
    found, expected = (
        Counter(event.replace(outcome["run_id"], "run") for event in outcome["events"])
        for outcome in (one, undisturbed)
    )
    assert expected - found == Counter(), place
    # A life that goes on reports so, and reports a turn or a call again that it has to repeat.
    repeated = {event.split()[1] for event in found - expected}
    assert repeated <= {"run_resumed", *MAY_BE_REPEATED}, place
    assert (found - expected)["run run_started"] == 0, place
