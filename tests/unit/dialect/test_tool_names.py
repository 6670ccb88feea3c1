"""Names for providers whose alphabet is narrower than ours."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.dialect import tool_names as module
from agentkit.dialect.tool_names import changed_names, wire_name
from agentkit.errors import UnsupportedError

NAMES = st.from_regex(r"[A-Za-z0-9_.-]{1,128}", fullmatch=True)


@given(name=NAMES | st.text())
def test_any_name_becomes_one_that_every_provider_accepts(name: str) -> None:
    """Even a name from an old stored conversation."""
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", wire_name(name))


@given(names=st.lists(NAMES, unique=True, max_size=6))
def test_changed_names_are_mapped_back(names: list[str]) -> None:
    """A name in an answer means one of agentkit's names, and only one."""
    changed = changed_names(names)

    assert [changed.get(wire_name(name), wire_name(name)) for name in names] == names


@pytest.mark.parametrize("name", ["add", "fs-read_2", "x" * 64])
def test_a_valid_name_stays(name: str) -> None:
    """No name is changed without need."""
    assert wire_name(name) == name
    assert changed_names([name]) == {}


def test_a_changed_name_is_readable_and_stable() -> None:
    """The model chooses by it, and every turn has to show the same one."""
    assert wire_name("fs.read") == "fs_read_4074bc0257"


def test_two_names_that_would_become_equal_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call must never reach another tool than the one that was meant."""
    taken = wire_name("fs.read")

    with pytest.raises(UnsupportedError, match=rf"'{taken}' and 'fs.read'.*rename"):
        changed_names([taken, "fs.read"])

    monkeypatch.setattr(module, "_DIGEST_CHARS", 0)
    with pytest.raises(UnsupportedError, match="would both be named"):
        changed_names(["a.b", "a:b"])
