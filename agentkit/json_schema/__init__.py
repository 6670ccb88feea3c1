"""JSON: values, strict parsing of text, and JSON Schema.

In:  untrusted text and values, schemas.
Out: `JsonValue`, `parse_json`, `JsonSchema` and its `Violation`s.
"""

from agentkit.json_schema.strict_json import JsonObject, JsonTextError, JsonValue, parse_json
from agentkit.json_schema.validator import JsonSchema, JsonSchemaError
from agentkit.json_schema.violation import Violation, describe

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
