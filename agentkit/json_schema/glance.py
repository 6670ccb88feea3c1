"""Say yes at once to values that certainly fit.

In:  a schema as plain JSON, later the values.
Out: `Glance`, which knows an object of plain fields at sight; None for any other schema.

Most tools take a few texts and numbers, for which jsonschema takes a hundred calls of functions.
What is not certain here is for jsonschema to decide, and only it says no, and why.
"""

from collections.abc import Mapping

from agentkit.json_schema.text import LossyFloat
from agentkit.json_schema.value import JsonValue

_TYPES: Mapping[str, frozenset[type]] = {
    "string": frozenset({str}),
    "integer": frozenset({int}),
    "number": frozenset({int, float, LossyFloat}),
    "boolean": frozenset({bool}),
}
_WORDS = frozenset({"title", "description", "default", "examples", "$comment"})
"""What a schema says of a value to those who read it."""

_OBJECT = frozenset({"type", "properties", "required", "additionalProperties"})


class Glance:
    """Knows the objects that have certain fields, each of one type, and no other field."""

    def __init__(self, fields: Mapping[str, frozenset[type]], required: frozenset[str]) -> None:
        self._fields = fields
        self._required = required

    def fits(self, value: JsonValue) -> bool:
        """Say whether `value` certainly fits."""
        if type(value) is not dict or not self._required <= value.keys():
            return False
        fields = self._fields
        for name, one in value.items():
            if name not in fields or type(one) not in fields[name]:
                return False
        return True


def glance_of(schema: Mapping[str, JsonValue]) -> Glance | None:
    """Return what knows the values of `schema` at sight, if it is of that simple form."""
    properties, required = schema.get("properties", {}), schema.get("required", [])
    if schema.get("type") != "object" or not schema.keys() <= _OBJECT | _WORDS:
        return None
    if not isinstance(properties, dict) or not isinstance(required, list):
        return None
    names = frozenset([one for one in required if isinstance(one, str)])
    fields: dict[str, frozenset[type]] = {}
    for name, one in properties.items():
        if not isinstance(one, dict) or not one.keys() <= {"type"} | _WORDS:
            return None
        kind = one.get("type")
        if not isinstance(kind, str) or kind not in _TYPES:
            return None
        fields[name] = _TYPES[kind]
    return Glance(fields, names) if len(names) == len(required) else None
