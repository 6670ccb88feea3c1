"""Derive JSON Schemas from Python types, without the noise.

In:  a pydantic model of parameters; a return annotation.
Out: the input schema; the output schema and how to write values of it.
"""

import math
import re
import types
from collections.abc import Awaitable, Collection, Coroutine, Iterable
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
from agentkit.json_schema import JsonObject, JsonValue
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
_VALUE_KEYWORDS = {"default", "examples", "const", "enum"}
_BINARY = {bytes, bytearray, ToolResult, *BLOCK_TYPES}


class Output(NamedTuple):
    """What a return annotation says.

    Attributes:
        schema: an object schema, or None where anything may come.
        adapter: writes values of the type.
        is_wrapped: the schema holds the value under `result`.
    """

    schema: JsonObject | None = None
    adapter: TypeAdapter[Any] | None = None
    is_wrapped: bool = False


class _Quiet(GenerateJsonSchema):
    """Leaves out the titles pydantic makes of names, and says nothing about odd defaults."""

    ignored_warning_kinds: set[JsonSchemaWarningKind] = {  # noqa: RUF012  # as the base class has it
        "skipped-choice",
        "non-serializable-default",
        "skipped-discriminator",
    }

    has_decimals = False

    def decimal_schema(self, schema: Any) -> JsonSchemaValue:
        self.has_decimals = True
        return super().decimal_schema(schema)

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False


def derive_input_schema(model: type[BaseModel]) -> tuple[JsonObject, bool]:
    """Return the schema of a model of parameters, and whether it holds a decimal.

    Raises:
        PydanticUserError: a type has no JSON Schema.
    """
    generator = _Quiet()
    schema = cast(JsonObject, generator.generate(model.__pydantic_core_schema__))
    schema.pop("title", None)
    schema.setdefault("properties", {})
    _strip_titles(schema)
    return cast(JsonObject, _finite(schema)), generator.has_decimals


class Answer(NamedTuple):
    """The schema of a structured output and how it is read.

    Attributes:
        schema: an object schema.
        adapter: reads values of the type.
        is_wrapped: the schema holds the value under `result`.
        has_decimals: a number must not be rounded on its way.
    """

    schema: JsonObject
    adapter: TypeAdapter[Any]
    is_wrapped: bool
    has_decimals: bool


def derive_answer(annotation: Any) -> Answer:
    """Return the schema and the reader of an output type; a type that is not an object is wrapped.

    Raises:
        PydanticUserError: the type has no JSON Schema.
        NameError: it names a type that does not exist.
        TypeError: it is not a type.
        ValueError: it has a pattern that cannot be read.
    """
    adapter = TypeAdapter[Any](annotation)
    generator = _Quiet()
    schema = cast(JsonObject, generator.generate(adapter.core_schema, mode="validation"))
    found, is_wrapped = _as_object(schema)
    check_patterns(found)
    return Answer(found, adapter, is_wrapped, generator.has_decimals)


def check_patterns(schema: JsonValue) -> None:
    """Read every pattern: pydantic takes some that Python's own `re` cannot read.

    Raises:
        ValueError: one cannot be read.
    """
    if isinstance(schema, list):
        for item in schema:
            check_patterns(item)
    elif isinstance(schema, dict):
        pattern = schema.get("pattern")
        if isinstance(pattern, str):
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"the pattern {pattern!r} cannot be read: {error}") from error
        for key, item in schema.items():
            if key not in _VALUE_KEYWORDS:
                check_patterns(item)


def derive_output(annotation: Any) -> Output:
    """Return how a result is encoded by the return annotation.

    Text, content blocks, bytes, nothing and unknown types have no schema. As MCP wants an object,
    any other type is wrapped as `{"result": …}`.
    """
    annotation = _awaited(annotation)
    if _is_free_form(annotation):
        return Output()
    try:
        adapter = TypeAdapter[Any](annotation)
        schema = cast(
            JsonObject, adapter.json_schema(mode="serialization", schema_generator=_Quiet)
        )
    except (PydanticUserError, NameError, TypeError):
        return Output()
    wrapped, is_wrapped = _as_object(schema)
    return Output(wrapped, adapter, is_wrapped)


def _as_object(schema: JsonObject) -> tuple[JsonObject, bool]:
    """Return a schema whose root is an object, and whether it had to be wrapped."""
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
    """Leave out what JSON cannot say, such as a default of infinity."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items() if not _is_infinite(item)}
    return [_finite(item) for item in value] if isinstance(value, list) else value


def _is_infinite(value: JsonValue) -> bool:
    if isinstance(value, list):
        return any(map(_is_infinite, value))
    return isinstance(value, float) and not math.isfinite(value)


def _awaited(annotation: Any) -> Any:
    """Return what is left when a returned coroutine has been awaited."""
    if get_origin(annotation) in (Awaitable, Coroutine):
        return get_args(annotation)[-1]
    return annotation


def _is_free_form(annotation: object) -> bool:
    """Return whether values of this type are shown as they are."""
    if get_origin(annotation) is Annotated:
        return _is_free_form(get_args(annotation)[0])
    if isinstance(annotation, TypeVar):
        return True
    if get_origin(annotation) in (Union, types.UnionType):
        parts = get_args(annotation)
        return all(map(_is_free_form, parts)) or any(map(_is_binary, parts))
    return _is_in(annotation, _FREE_FORM) or _is_binary(annotation)


def _is_binary(annotation: object) -> bool:
    """Return whether a type is a content block, bytes, or a sequence of such."""
    if _is_in(annotation, _BINARY):
        return True
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType, Annotated):
        return any(map(_is_binary, get_args(annotation)))
    is_collection = isinstance(origin, type) and issubclass(origin, Iterable)
    return is_collection and any(map(_is_binary, get_args(annotation)))


def _is_in(annotation: object, known: Collection[object]) -> bool:
    """Look for a type among others; not every annotation can be hashed."""
    return any(annotation is one for one in known)
