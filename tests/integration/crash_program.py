"""A program that ends a process at every effect and write of a run; prints the outcomes.

usage: crash_program.py FOLDER BACKEND

A life that is ended is forked from this process, which has loaded everything and goes on with the
run: it knows of that life what is in the files. Run by `test_crash_points.py`.
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
    """End a run at one moment in a process of its own, finish it here, and return the outcome."""
    folder.mkdir(parents=True)

    def life(at: int | None) -> Callable[[], None]:
        return partial(anyio.run, partial(live, folder, scenario, at), backend=backend)

    end = None if at is None else in_a_process(life(at))
    try:
        life(None)()
    except BaseException as error:
        error.add_note(f"The scenario is {scenario}, ended at {at} with {end}.")
        raise
    ledger = Ledger(folder / "ledger.txt")
    return {
        "scenario": scenario,
        "at": at,
        "end": end,
        "history": (folder / "history.json").read_text(),
        "moments": int((folder / "moments.txt").read_text()),
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
        complete = try_point(folder / f"{scenario}-complete", backend, scenario, None)
        gc.freeze()  # a search for garbage in a child would copy all memory that it shares
        outcomes.append(complete)
        outcomes += [
            try_point(folder / f"{scenario}-{at}", backend, scenario, at)
            for at in range(1, complete["moments"] + 1)
        ]
    json.dump(outcomes, sys.stdout)


if __name__ == "__main__":
    main()
