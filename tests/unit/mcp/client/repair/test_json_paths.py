"""Removing elements from nested JSON."""

from typing import Any

import pytest

from agentkit.mcp.client.repair.json_paths import Path, existing, place, without

VALUE: dict[str, Any] = {"a": [{"b": 1}, 2, 3], "c": {"d": None}}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("a", 0, "b"), ("a", 0, "b")),
        (("a", 0, "Text", "b"), ("a", 0)),
        (("a", 7), ("a",)),
        (("x", "y"), ()),
        (("c", "d", "e"), ("c", "d")),
    ],
)
def test_the_existing_part_of_a_path_is_found(path: Path, expected: Path) -> None:
    """Validators add the names of alternatives, and of fields that are missing."""
    assert existing(VALUE, path) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("a", 1), {"a": [{"b": 1}, 3], "c": {"d": None}}),
        (("a", 0, "b"), {"a": [{}, 2, 3], "c": {"d": None}}),
        (("c",), {"a": [{"b": 1}, 2, 3]}),
        (("c", "d", "e"), VALUE),
        (("a", 9), VALUE),
    ],
)
def test_a_copy_lacks_the_element(path: Path, expected: object) -> None:
    """The original stays; an element that is gone already is no error."""
    before = repr(VALUE)

    assert without(VALUE, path) == expected
    assert repr(VALUE) == before


def test_paths_are_removed_from_the_end() -> None:
    """So that no removal moves the next one, also beyond the tenth element."""
    paths: list[Path] = [("a", 2), ("a", 10), ("a", 9), ("a", 2, "b"), ("c",)]

    assert sorted(paths, key=place, reverse=True) == [
        ("a", 2, "b"),
        ("a", 10),
        ("a", 9),
        ("a", 2),
        ("c",),
    ]
