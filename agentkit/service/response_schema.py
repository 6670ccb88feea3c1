"""The output type for a JSON Schema of a request.

In:  the schema that an answer has to fit, untrusted.
Out: a type for `output_type`.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, WithJsonSchema

from agentkit.dialect.received_request import InvalidRequestError, Path
from agentkit.json_schema import JsonSchema, JsonSchemaError, JsonValue


def schema_type(schema: Mapping[str, JsonValue] | None, *, path: Path) -> Any:
    """Return a type for any value that fits a schema; None without a schema.

    Args:
        schema: the schema.
        path: the parameter that it comes from.

    Raises:
        InvalidRequestError: it is not a schema of an object.
    """
    if schema is None:
        return None
    try:
        checked = JsonSchema(schema)
    except (JsonSchemaError, ValueError) as error:
        raise InvalidRequestError(f"it is not a JSON Schema: {error}", path=path) from error
    if schema.get("type") != "object":
        raise InvalidRequestError("the schema has not the type 'object'", path=path)

    def check(answer: Any) -> Any:
        violations = checked.violations(answer)
        if violations:
            raise ValueError("; ".join(map(str, violations)))
        return answer

    return Annotated[Any, WithJsonSchema(dict(schema)), AfterValidator(check)]
