"""JSON: values, a strict parser, and JSON Schema.

In:  text and values from untrusted sources, schemas.
Out: `JsonValue`, `parse_json`, `JsonSchema` and its `Violation`s.
"""

from agentkit.json_schema.strict_json import JsonObject, JsonTextError, JsonValue, parse_json
from agentkit.json_schema.validator import JsonSchema, JsonSchemaError, Violation, describe

__all__ = [
    "JsonObject",
    "JsonSchema",
    "JsonSchemaError",
    "JsonTextError",
    "JsonValue",
    "Violation",
    "describe",
    "parse_json",
]
