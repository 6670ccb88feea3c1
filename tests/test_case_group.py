"""A group of cases reports every case that fails."""

import pytest

from tests.case_group import case_group


def test_every_failed_case_is_reported_by_its_name() -> None:
    """The cases after it are checked."""
    checked = []
    with pytest.raises(ExceptionGroup, match="2 cases failed") as caught, case_group() as case:
        for number in range(4):
            with case(f"number {number}"):
                checked.append(number)
                assert number % 2 == 0

    assert checked == [0, 1, 2, 3]
    assert all(isinstance(one, AssertionError) for one in caught.value.exceptions)
    notes = [one.__notes__ for one in caught.value.exceptions]
    assert notes == [["In the case 'number 1'."], ["In the case 'number 3'."]]


def test_a_group_without_failures_reports_nothing() -> None:
    """And what ends the test itself is not caught."""
    with case_group() as case, case("passes"):
        pass
    with pytest.raises(KeyboardInterrupt), case_group() as case, case("is interrupted"):
        raise KeyboardInterrupt
