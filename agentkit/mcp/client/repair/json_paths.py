"""Remove elements from nested JSON by their paths.

In:  JSON and paths, as validators report them.
Out: copies without these elements.
"""

from typing import Any, TypeAlias

Path: TypeAlias = tuple[str | int, ...]


def place(path: Path) -> tuple[int, list[tuple[int, str]]]:
    """Return a sort key: in descending order, no removal moves what is removed next."""
    return len(path), [(step, "") if isinstance(step, int) else (-1, step) for step in path]


def existing(value: Any, path: Path) -> Path:
    """Return the longest part of a path that leads to an element of `value`."""
    for length, step in enumerate(path):
        if isinstance(value, dict) and step in value:
            value = value[step]
            continue
        if not isinstance(value, list) or not isinstance(step, int) or step >= len(value):
            return path[:length]
        value = value[step]
    return path


def without(value: Any, path: Path) -> Any:
    """Return a copy without the element at a path, which may be gone already."""
    step, rest = path[0], path[1:]
    if isinstance(value, dict) and step in value:
        if rest:
            return {**value, str(step): without(value[step], rest)}
        return {key: one for key, one in value.items() if key != step}
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        middle = [without(value[step], rest)] if rest else []
        return [*value[:step], *middle, *value[step + 1 :]]
    return value
