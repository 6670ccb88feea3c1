"""Answers that are not as they should be, through the public API and over HTTP."""

from collections.abc import Callable

import anyio
import pytest

from tests.corpus.cases import ALL, SEEN
from tests.corpus.judge import complaints
from tests.corpus.play import Case, play
from tests.corpus.table import CASE, FAMILY


@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("case", ALL, ids=lambda case: case["id"])
async def test_an_odd_answer_comes_out_right(
    case: Case, is_streamed: bool, record_property: Callable[[str, object], None]
) -> None:
    """Also where a provider streams without being asked to, or does not though it was."""
    record_property(FAMILY, case["family"])
    record_property(CASE, case["id"])

    with anyio.fail_after(5):
        seen = await play(case, is_streamed=is_streamed)

    assert complaints(case, seen) == []


def test_the_cases_are_all_there_and_differ() -> None:
    """Nothing was left out."""
    assert len(SEEN) == 56
    assert len({case["id"] for case in ALL}) == len(ALL)
