"""Check the JSON Schemas that a person wrote for a tool.

In:  a schema, the tool's name.
Out: its validator, or an error that names the tool.
"""

from collections.abc import Mapping

from agentkit.errors import ToolDefinitionError
from agentkit.json_schema import JsonSchema, JsonSchemaError, JsonValue


def read_schema(schema: Mapping[str, JsonValue], name: str, *, role: str) -> JsonSchema:
    """Return the validator of a schema.

    Args:
        schema: Draft 2020-12, or an older draft named by `$schema`.
        name: of the tool.
        role: `input_schema` or `output_schema`.

    Raises:
        ToolDefinitionError: it is not a schema.
    """
    try:
        return JsonSchema(schema)
    except JsonSchemaError as error:
        raise ToolDefinitionError(f"The {role} of the tool {name!r}: {error}.") from error


def read_arguments_schema(schema: Mapping[str, JsonValue], name: str) -> JsonSchema:
    """Return the validator of an input schema, which is about objects; see `read_schema`."""
    check = read_schema(schema, name, role="input_schema")
    if check.schema.get("type", "object") != "object":
        raise ToolDefinitionError(
            f"The input_schema of the tool {name!r} has the type {check.schema['type']!r}; it must "
            "be 'object', since arguments are objects."
        )
    return check
