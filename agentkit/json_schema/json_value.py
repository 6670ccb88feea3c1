"""JSON values as Python has them.

In:  nothing.
Out: the types `JsonValue` and `JsonObject`.
"""

from typing import TypeAlias

from pydantic import JsonValue

__all__ = ["JsonObject", "JsonValue"]

JsonObject: TypeAlias = dict[str, JsonValue]
