"""A JSON Schema as the type of an answer.

In:  a JSON Schema, as a mapping.
Out: a type for any value that fits it; the value is as JSON has it.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, WithJsonSchema

from agentkit.errors import ConfigError
from agentkit.json_schema import JsonSchema


def schema_type(schema: Mapping[str, Any], *, source: str) -> Any:
    """Return a type for any value that fits a JSON Schema.

    Args:
        schema: Draft 2020-12, or an older draft named by `$schema`.
        source: what it is called in error messages.

    Raises:
        ConfigError: it is not a JSON Schema.
    """
    try:
        checked = JsonSchema(schema)
    except ValueError as error:
        raise ConfigError(f"{source} is not a JSON Schema: {error}") from error

    def check(answer: Any) -> Any:
        violations = checked.violations(answer)
        if violations:
            raise ValueError("; ".join(str(each) for each in violations))
        return answer

    return Annotated[Any, WithJsonSchema(dict(schema)), AfterValidator(check)]
