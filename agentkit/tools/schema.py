"""Derive JSON Schemas from Python types, and check those that a person wrote.

In:  a pydantic model of parameters; the type of a result or an answer; a schema.
Out: the schema, and what turns values of the type into JSON and back; the validator of a schema.
"""

import math
import re
import types
from collections.abc import Awaitable, Collection, Coroutine, Iterable, Mapping
from inspect import Signature
from typing import Annotated, Any, NamedTuple, TypeVar, Union, cast, get_args, get_origin

from pydantic import BaseModel, TypeAdapter
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, JsonSchemaWarningKind

from agentkit.content import (
    AudioContent,
    EmbeddedResource,
    ImageContent,
    ReasoningContent,
    ResourceLink,
    TextContent,
)
from agentkit.errors import ToolDefinitionError
from agentkit.json_schema import JsonObject, JsonSchema, JsonSchemaError, JsonValue
from agentkit.message import ToolResult

BLOCK_TYPES = (
    TextContent,
    ImageContent,
    AudioContent,
    ResourceLink,
    EmbeddedResource,
    ReasoningContent,
)
RESULT_KEY = "result"

_FREE_FORM = {Signature.empty, None, type(None), str, Any, object}
_BINARY = {bytes, bytearray, ToolResult, *BLOCK_TYPES}


class Output(NamedTuple):
    """The schema of a return annotation.

    Attributes:
        schema: an object schema; None if the annotation leaves the result open.
        adapter: turns values of the type into JSON.
        is_wrapped: the schema holds the value under `result`.
    """

    schema: JsonObject | None = None
    adapter: TypeAdapter[Any] | None = None
    is_wrapped: bool = False


class _SchemaGenerator(GenerateJsonSchema):
    """Derives schemas that leave a model as little to get wrong as the types do.

    The titles that pydantic makes of names are left out, as they repeat the names.
    """

    ignored_warning_kinds: set[JsonSchemaWarningKind] = {  # noqa: RUF012  # as the base class has it
        "skipped-choice",
        "non-serializable-default",
        "skipped-discriminator",
    }

    has_decimals = False

    def decimal_schema(self, schema: Any) -> JsonSchemaValue:
        self.has_decimals = True
        return super().decimal_schema(schema)

    def model_schema(self, schema: Any) -> JsonSchemaValue:
        """Forbid unknown fields unless the model's author allows or ignores them.

        pydantic ignores them by default. A model that wraps its arguments once more, or misspells
        a field, would run the tool with defaults that it did not mean.
        """
        found = super().model_schema(schema)
        config = getattr(schema["cls"], "model_config", {})
        if self.mode == "validation" and "extra" not in config and found.get("type") == "object":
            found.setdefault("additionalProperties", False)
        return found

    def tagged_union_schema(self, schema: Any) -> JsonSchemaValue:
        """Require the tag of a discriminated union, also if it has a default in each variant."""
        found = super().tagged_union_schema(schema)
        tag = found.get("discriminator", {}).get("propertyName")
        return {**found, "required": [tag]} if isinstance(tag, str) else found

    def p_arguments_schema(self, arguments: Any, var_args_schema: Any) -> JsonSchemaValue:
        """Keep the field names of a `NamedTuple`, whose JSON is an array."""
        return _with_names(super().p_arguments_schema(arguments, var_args_schema), arguments)

    def named_tuple_schema(self, schema: Any) -> JsonSchemaValue:
        """Do the same for pydantic from 2.14 on, where a `NamedTuple` has a method of its own."""
        # Older versions have no such method, and never call it.
        found = cast(Any, super()).named_tuple_schema(schema)
        return _with_names(found, schema["fields"])

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False


def _with_names(schema: JsonSchemaValue, fields: Iterable[Mapping[str, Any]]) -> JsonSchemaValue:
    """Return the schema of an array with the names of its fields as titles."""
    for item, field in zip(schema.get("prefixItems", ()), fields, strict=False):
        item.setdefault("title", field["name"])
    return schema


def derive_input_schema(model: type[BaseModel]) -> tuple[JsonObject, bool]:
    """Return the schema of a model of parameters, and whether it holds a decimal.

    Raises:
        PydanticUserError: a type has no JSON Schema.
    """
    generator = _SchemaGenerator()
    schema = cast(JsonObject, generator.generate(model.__pydantic_core_schema__))
    schema.pop("title", None)
    schema.setdefault("properties", {})
    _strip_titles(schema)
    return cast(JsonObject, _finite(schema)), generator.has_decimals


class Answer(NamedTuple):
    """The schema of a structured output.

    Attributes:
        schema: an object schema.
        adapter: parses values of the type.
        is_wrapped: the schema holds the value under `result`.
        has_decimals: numbers must not be rounded to floats.
    """

    schema: JsonObject
    adapter: TypeAdapter[Any]
    is_wrapped: bool
    has_decimals: bool


def derive_answer(annotation: Any) -> Answer:
    """Return the schema and the adapter of an output type; what is not an object is wrapped.

    Raises:
        PydanticUserError: the type has no JSON Schema.
        NameError: it names a type that does not exist.
        TypeError: it is not a type.
    """
    adapter = TypeAdapter[Any](annotation)
    generator = _SchemaGenerator()
    schema = cast(JsonObject, generator.generate(adapter.core_schema, mode="validation"))
    found, is_wrapped = _as_object(schema)
    return Answer(found, adapter, is_wrapped, generator.has_decimals)


def derive_output(annotation: Any) -> Output:
    """Return the schema of a return annotation.

    Text, content blocks, bytes, None and unknown types have no schema. MCP requires an object, so
    that any other type is wrapped as `{"result": …}`. `Annotated[ToolResult, Type]` is a result
    whose structured content fits the class `Type`.
    """
    annotation = _awaited(annotation)
    if get_origin(annotation) is Annotated:
        annotated, content, *_ = get_args(annotation)
        annotation = (
            content if annotated is ToolResult and isinstance(content, type) else annotation
        )
    if _is_free_form(annotation):
        return Output()
    try:
        adapter = TypeAdapter[Any](annotation)
        schema = cast(
            JsonObject,
            adapter.json_schema(mode="serialization", schema_generator=_SchemaGenerator),
        )
    except (PydanticUserError, NameError, TypeError):
        return Output()
    wrapped, is_wrapped = _as_object(schema)
    return Output(wrapped, adapter, is_wrapped)


def _as_object(schema: JsonObject) -> tuple[JsonObject, bool]:
    """Return a schema whose root is an object, and whether the value is wrapped."""
    definitions = cast(JsonObject, schema.pop("$defs", {}))
    target = schema
    if isinstance(reference := schema.get("$ref"), str):
        target = cast(JsonObject, definitions.get(reference.removeprefix("#/$defs/"), schema))
    is_object = target.get("type") == "object"
    found: JsonObject
    if is_object:
        found = dict(target)
    else:
        found = {
            "type": "object",
            "properties": {RESULT_KEY: schema},
            "required": [RESULT_KEY],
        }
    if definitions:
        found["$defs"] = definitions
    found.pop("title", None)
    _strip_titles(found)
    return cast(JsonObject, _finite(found)), not is_object


def _strip_titles(schema: JsonObject) -> None:
    """Drop titles that only repeat the name of a definition."""
    definitions = schema.get("$defs")
    for name, found in definitions.items() if isinstance(definitions, dict) else ():
        if not isinstance(found, dict) or not isinstance(title := found.get("title"), str):
            continue
        if name.endswith(re.sub(r"[^a-zA-Z0-9.\-_]", "_", title)):
            del found["title"]


def _finite(value: JsonValue) -> JsonValue:
    """Leave out what JSON cannot express, such as a default of infinity."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items() if not _is_infinite(item)}
    return [_finite(item) for item in value] if isinstance(value, list) else value


def _is_infinite(value: JsonValue) -> bool:
    if isinstance(value, list):
        return any(map(_is_infinite, value))
    return isinstance(value, float) and not math.isfinite(value)


def _awaited(annotation: Any) -> Any:
    """Return the type of the value after a returned coroutine has been awaited."""
    if get_origin(annotation) in (Awaitable, Coroutine):
        return get_args(annotation)[-1]
    return annotation


def _is_free_form(annotation: object) -> bool:
    """Return whether values of this type are text or content blocks already."""
    if get_origin(annotation) is Annotated:
        return _is_free_form(get_args(annotation)[0])
    if isinstance(annotation, TypeVar):
        return True
    if get_origin(annotation) in (Union, types.UnionType):
        parts = get_args(annotation)
        return all(map(_is_free_form, parts)) or any(map(_is_binary, parts))
    return _is_in(annotation, _FREE_FORM) or _is_binary(annotation)


def _is_binary(annotation: object) -> bool:
    """Return whether a type is a content block, bytes, or a sequence of these."""
    if _is_in(annotation, _BINARY):
        return True
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType, Annotated):
        return any(map(_is_binary, get_args(annotation)))
    is_collection = isinstance(origin, type) and issubclass(origin, Iterable)
    return is_collection and any(map(_is_binary, get_args(annotation)))


def _is_in(annotation: object, known: Collection[object]) -> bool:
    """Return whether a type is among others, by identity: not every annotation is hashable."""
    return any(annotation is one for one in known)


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
