"""A program that ends a process at every effect and write of a run; prints the outcomes.

usage: crash_program.py FOLDER BACKEND

Each life is forked from this process, which has loaded everything. Run by `test_crash_points.py`.
"""

import gc
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from tests.integration.crash_scenarios import (
    SCENARIOS,
    Ledger,
    Life,
    Moments,
    StoppingFileJournal,
    file_keys,
)
from tests.integration.durable_program import KILLED, in_a_process


async def live(folder: Path, scenario: str, at: int | None) -> None:
    """Live one life of a run, and write its history if it comes to its end."""
    moments = Moments(partial(os._exit, KILLED), at=at)
    journal = StoppingFileJournal(folder / "journal.jsonl", moments)
    history = await SCENARIOS[scenario](Life(journal, Ledger(folder / "ledger.txt")))
    (folder / "history.json").write_text(history.to_json())
    (folder / "moments.txt").write_text(str(moments.count))


def try_point(folder: Path, backend: str, scenario: str, at: int | None) -> Any:
    """End a run at one moment, start it again, and return the outcome."""
    folder.mkdir(parents=True)

    def life(at: int | None) -> Callable[[], None]:
        return partial(anyio.run, partial(live, folder, scenario, at), backend=backend)

    ends = [in_a_process(life(at))]
    if at is not None:
        ends.append(in_a_process(life(None)))
    ledger = Ledger(folder / "ledger.txt")
    return {
        "scenario": scenario,
        "at": at,
        "ends": ends,
        "history": (folder / "history.json").read_text() if ends[-1] == 0 else "",
        "moments": int((folder / "moments.txt").read_text()) if ends[-1] == 0 else 0,
        "keys": file_keys(folder / "journal.jsonl"),
        "lines": ledger.lines,
        "twice": ledger.done_twice(),
    }


def main() -> None:
    """Try every moment of every scenario."""
    folder, backend = Path(sys.argv[1]), sys.argv[2]
    # What a process has written outlives it; only a power failure would need the disk.
    os.fsync = lambda fd: None  # noqa: ARG005 - the interface
    outcomes = []
    for scenario in SCENARIOS:
        # Once here, so that the processes that follow need not load everything anew.
        warm = folder / f"{scenario}-warm"
        warm.mkdir()
        anyio.run(partial(live, warm, scenario, None), backend=backend)
        gc.freeze()  # a search for garbage in a child would copy all memory that it shares
        complete = try_point(folder / f"{scenario}-complete", backend, scenario, None)
        outcomes.append(complete)
        outcomes += [
            try_point(folder / f"{scenario}-{at}", backend, scenario, at)
            for at in range(1, complete["moments"] + 1)
        ]
    json.dump(outcomes, sys.stdout)


if __name__ == "__main__":
    main()
