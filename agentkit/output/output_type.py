"""The output type of a run, its JSON Schema and its validation.

In:  a type: a pydantic model, a dataclass, a TypedDict, a union, a list, any that pydantic
     supports; or a JSON Schema.
Out: `OutputType`: the tool that takes such an answer, and how its arguments become a value.

The tool never runs: its call is validated like any call, and the arguments are the answer.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import field
from functools import partial
from typing import Annotated, Any, Generic, cast

from pydantic import AfterValidator, TypeAdapter, ValidationError, WithJsonSchema
from pydantic_core import to_json as to_json_bytes
from typing_extensions import TypeVar

from agentkit.chat import Repair
from agentkit.config.profile import OutputMode
from agentkit.errors import AgentKitError, ConfigError, ToolError
from agentkit.history import History
from agentkit.json_schema import JsonObject, JsonSchema, JsonValue
from agentkit.message import ToolResult, UserMessage
from agentkit.tools.binding import BoundArguments, is_lossy, to_json, without_defaults
from agentkit.tools.schema import RESULT_KEY, derive_answer
from agentkit.tools.tool import Tool
from agentkit.tools.tool_options import ToolAnnotations
from agentkit.value import dataclass

OutputT = TypeVar("OutputT", default=str, covariant=True)

MAX_ANSWER_CHARACTERS = 2_000_000

TOOL_DESCRIPTION = (
    "Give the final answer to the user. Call it alone, once you have all that the answer needs."
)
NOT_ALONE = (
    "The answer was rejected, because other tools were called with it. Read their results, "
    "then give the answer alone."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSettings:
    """How structured output is requested; the defaults suit most models.

    Attributes:
        mode: `tool`: by a call of a tool that takes the answer. `prompt`: as JSON text.
            `response_format`: as JSON text, enforced by the provider if it supports that. None: the
            mode in the model's profile.
        retries: how often the model may try again after an invalid answer, 0 or more.
        name: the name of the answering tool.
        description: its description for the model.
    """

    mode: OutputMode | None = None
    retries: int = 2
    name: str = "final_answer"
    description: str = TOOL_DESCRIPTION

    def __post_init__(self) -> None:
        if self.retries < 0:
            raise ValueError(f"An answer has 0 retries or more, not {self.retries}.")


class OutputError(AgentKitError):
    """A run gave no valid answer of its output type.

    Attributes:
        reason: the last reason that the model was given; empty if it gave no answer.
        text: the text of the last answer.
        history: the complete conversation; None if the error was pickled.
    """

    def __init__(
        self, message: str, *, reason: str = "", text: str = "", history: History | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.text = text
        self.history = history


class SuspendedError(OutputError):
    """A run has no output yet: it waits for decisions about open calls, in `history.open_calls`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputBinding:
    """Converts the arguments of the answering tool to one value of the type."""

    adapter: TypeAdapter[Any]
    is_wrapped: bool
    has_decimals: bool
    schema: JsonObject
    takes_context: bool = False
    is_async: bool = True

    def bind(self, arguments: JsonObject, *, text: str = "", deps: object = None) -> BoundArguments:
        """See `Binding`. In JSON mode a strict type still accepts e.g. a date as text."""
        if self.has_decimals and is_lossy(arguments):
            raise ValueError(
                "a number has more digits than can be kept; write it as text in quotation marks"
            )
        value: JsonValue = arguments[RESULT_KEY] if self.is_wrapped else arguments
        written = "" if self.is_wrapped else text
        return BoundArguments(positional=(self._parse(value, written, deps),))

    def _parse(self, value: JsonValue, written: str, deps: object) -> object:
        try:
            return self.adapter.validate_json(written or to_json_bytes(value), context=deps)
        except ValidationError:
            # The schema accepts its own defaults, such as the null of `limit: int = None`.
            given = without_defaults(value, self._value_schema(), root=self.schema)
            if given == value:
                raise
            return self.adapter.validate_json(to_json_bytes(given), context=deps)

    def _value_schema(self) -> JsonValue:
        properties = self.schema.get("properties")
        is_inside = self.is_wrapped and isinstance(properties, dict)
        return cast(JsonObject, properties)[RESULT_KEY] if is_inside else self.schema

    def dump(self, value: object) -> JsonValue:
        """See `Binding`."""
        return to_json(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputType(Generic[OutputT]):
    """An output type.

    Attributes:
        tool: takes an answer of the type, and validates it.
        is_wrapped: the type is not an object, so the answer is the property `result` of one.
        admits_text: any text is a value of the type, as for `Order | str`.
    """

    tool: Tool[..., Any]
    is_wrapped: bool
    admits_text: bool
    read: Callable[[BoundArguments], OutputT] = field(repr=False)


def read_type(annotation: Any, *, settings: OutputSettings) -> OutputType[Any]:
    """Return the output type for a Python type, or for a JSON Schema.

    Raises:
        ConfigError: no JSON can be converted to the type.
        ToolDefinitionError: the name in the settings is not a valid name of a tool.
    """
    if inspect.isroutine(annotation) or isinstance(annotation, partial):
        # pydantic would call it whenever an answer is validated, in every life of a run.
        raise ConfigError(
            f"output_type={annotation!r} is a function, not a type; make it a tool, or call it "
            "with the output of the run."
        )
    if isinstance(annotation, Mapping):
        annotation = schema_type(annotation, source="output_type")
    try:
        answer = derive_answer(annotation)
    except Exception as error:  # validators of the user's type may raise anything
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise ConfigError(
            f"output_type={annotation!r} has no JSON Schema ({reason}). "
            "Use a pydantic model, a dataclass, a TypedDict, a JSON Schema, or any type that "
            "pydantic supports."
        ) from error
    tool = Tool(
        name=settings.name,
        description=settings.description,
        input_schema=answer.schema,
        function=_reject,
        binding=OutputBinding(
            adapter=answer.adapter,
            is_wrapped=answer.is_wrapped,
            has_decimals=answer.has_decimals,
            schema=answer.schema,
        ),
        arguments_check=JsonSchema(answer.schema, is_derived=True),
        max_arguments_characters=MAX_ANSWER_CHARACTERS,
        annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False),
    )
    return OutputType(
        tool=tool,
        is_wrapped=answer.is_wrapped,
        admits_text=answer.is_wrapped and _admits_text(answer.schema),
        read=_first,
    )


def _admits_text(schema: JsonObject) -> bool:
    """Return whether the wrapped value may be any text."""
    waiting = [cast(JsonObject, schema["properties"])[RESULT_KEY]]
    for one in waiting:
        if one is True or one == {}:
            return True
        if not isinstance(one, dict):
            continue
        if one.get("type") == "string" and not _LIMITING.intersection(one):
            return True
        waiting.extend(cast(list[JsonValue], one.get("anyOf", [])))
    return False


_LIMITING = frozenset({"enum", "const", "pattern", "format", "minLength", "maxLength"})


def _first(bound: BoundArguments) -> Any:
    return bound.positional[0]


async def _reject(answer: object) -> object:  # noqa: ARG001  # the signature of a tool
    """Answer a call that was made next to other calls; a call that was made alone never runs."""
    raise ToolError(NOT_ALONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The judgement of an answer.

    Attributes:
        is_accepted: the answer is valid.
        reason: why it is not, worded for the model.
        results: results of the answering call, and of the calls next to it that came too late.
        reply: the user message after an invalid answer in text.
        repairs: what was repaired before it was valid.
    """

    is_accepted: bool = False
    reason: str = ""
    results: tuple[ToolResult, ...] = ()
    reply: UserMessage | None = None
    repairs: tuple[Repair, ...] = ()


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
