"""Callers see plain exceptions in place of exception groups."""

import pytest

from agentkit.exception_groups import ungrouped


def test_a_group_of_one_exception_is_raised_as_that_exception() -> None:
    """Callers never see the group."""
    error = ValueError("one")

    with pytest.raises(ValueError, match="one") as caught, ungrouped():
        raise ExceptionGroup("g", [ExceptionGroup("inner", [error])])

    assert caught.value is error


def test_of_several_exceptions_the_one_that_ends_the_program_is_raised() -> None:
    """The others are listed in its notes."""
    with pytest.raises(KeyboardInterrupt) as caught, ungrouped():
        raise BaseExceptionGroup("g", [ValueError("bad"), KeyboardInterrupt()])

    assert caught.value.__notes__ == ["At the same time: ValueError: bad"]


def test_a_plain_exception_is_raised_unchanged() -> None:
    """It needs no unwrapping."""
    with pytest.raises(KeyError), ungrouped():
        raise KeyError("k")
