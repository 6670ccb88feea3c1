"""Malformed answers have the right outcome, through the public API and over HTTP."""

from collections.abc import Callable

import anyio
import pytest

from tests.case_group import case_group
from tests.corpus.cases import ALL, SEEN
from tests.corpus.judge import differences
from tests.corpus.play import play
from tests.corpus.table import CASES, FAMILY

FAMILIES = sorted({case["family"] for case in ALL})


@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("family", FAMILIES)
async def test_a_malformed_answer_has_the_right_outcome(
    family: str, is_streamed: bool, record_property: Callable[[str, object], None]
) -> None:
    """Also if a provider streams without being asked to, or does not stream although it was."""
    cases = {one["id"]: one for one in ALL if one["family"] == family}
    is_right = dict.fromkeys(cases, False)
    record_property(FAMILY, family)
    record_property(CASES, is_right)

    with case_group() as case:
        for name, one in cases.items():
            with case(name):
                with anyio.fail_after(60):
                    seen = await play(one, is_streamed=is_streamed)
                assert differences(one, seen) == []
                is_right[name] = True


def test_the_cases_are_complete_and_distinct() -> None:
    """None is missing."""
    assert len(SEEN) == 56
    assert len({case["id"] for case in ALL}) == len(ALL)
