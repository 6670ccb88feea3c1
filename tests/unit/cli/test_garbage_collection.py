"""A process that serves runs is not stopped by full collections that find nothing."""

import gc
from collections.abc import Iterator

import pytest

from agentkit.cli.garbage_collection import YOUNGER_COLLECTIONS, spare_full_collections


@pytest.fixture
def collector() -> Iterator[tuple[int, int, int]]:
    """Return the thresholds, which are restored afterwards."""
    thresholds = gc.get_threshold()
    yield thresholds
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def test_full_collections_are_rarer_and_leave_out_what_is_loaded(
    collector: tuple[int, int, int],
) -> None:
    """The younger generations are collected as before."""
    spare_full_collections()

    assert gc.get_freeze_count() > 10_000
    assert gc.isenabled()
    assert gc.get_threshold()[:2] == collector[:2]
    assert gc.get_threshold()[2] in (YOUNGER_COLLECTIONS, 0)  # Python 3.14 has no third one


def test_cycles_are_still_collected(collector: tuple[int, int, int]) -> None:
    """Those that are made later."""
    assert collector
    spare_full_collections()
    gone: list[str] = []

    class Cycle:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            gone.append("gone")

    Cycle()
    gc.collect()

    assert gone == ["gone"]
