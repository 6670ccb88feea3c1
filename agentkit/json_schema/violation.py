"""What is wrong with a schema, or with a value that should match one.

In:  values from anywhere.
Out: `Violation` for a value, `JsonSchemaError` for a schema; short descriptions of values.
"""

import json
from itertools import islice

from agentkit.value import dataclass


class JsonSchemaError(ValueError):
    """The schema itself is not usable; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One place where a value does not match its schema.

    Attributes:
        path: keys and positions from the root to the place.
        expected: a description of what the schema asks for.
        found: a short description of the value at that place.
    """

    path: tuple[str | int, ...]
    expected: str
    found: str

    @property
    def place(self) -> str:
        """Return the path in the usual notation, e.g. `items[0].name`; empty for the root."""
        text = ""
        for part in self.path:
            if isinstance(part, int):
                text += f"[{part}]"
            else:
                text += f".{shorten(part)}" if text else shorten(part)
        return text

    def __str__(self) -> str:
        prefix = f"{self.place}: " if self.path else ""
        return f"{prefix}expected {self.expected}, got {self.found}"


def describe(value: object) -> str:
    """Return a short description of `value`, at most a line long."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int | float):
        return f"the number {shorten(str(value))}"
    if isinstance(value, str):
        return f"the text {json.dumps(shorten(value), ensure_ascii=False)}"
    if isinstance(value, list):
        return f"an array of {len(value)}" if value else "an empty array"
    if isinstance(value, dict):
        keys = ", ".join(repr(shorten(str(key))) for key in islice(value, 4))
        more = ", …" if len(value) > 4 else ""
        return f"an object with {keys}{more}" if value else "an empty object"
    return f"a value of the type {type(value).__name__}"


def shorten(text: str, limit: int = 60) -> str:
    """Return `text`, cut with an ellipsis if it is longer than `limit` characters."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
