"""The defaults of a form.

In:  the JSON Schema of a form, as elicitation requests carry it.
Out: the values of the fields that have a default.
"""

from collections.abc import Mapping

from agentkit.json_schema import JsonObject, JsonValue


def form_defaults(schema: Mapping[str, JsonValue]) -> JsonObject:
    """Return the default of each field that has one.

    They stand for fields that were left out
    (https://modelcontextprotocol.io/specification/2025-11-25/client/elicitation, SEP-1034).
    """
    fields = schema.get("properties")
    return {
        name: field["default"]
        for name, field in (fields.items() if isinstance(fields, dict) else ())
        if isinstance(field, dict) and "default" in field
    }
