"""Malformed answers have the right outcome, through the public API and over HTTP."""

from collections.abc import Callable

import anyio
import pytest

from tests.corpus.cases import ALL, SEEN
from tests.corpus.judge import differences
from tests.corpus.play import Case, play
from tests.corpus.table import CASE, FAMILY


@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("case", ALL, ids=lambda case: case["id"])
async def test_a_malformed_answer_has_the_right_outcome(
    case: Case, is_streamed: bool, record_property: Callable[[str, object], None]
) -> None:
    """Also if a provider streams without being asked to, or does not stream although it was."""
    record_property(FAMILY, case["family"])
    record_property(CASE, case["id"])

    with anyio.fail_after(60):
        seen = await play(case, is_streamed=is_streamed)

    assert differences(case, seen) == []


def test_the_cases_are_complete_and_distinct() -> None:
    """None is missing."""
    assert len(SEEN) == 56
    assert len({case["id"] for case in ALL}) == len(ALL)
