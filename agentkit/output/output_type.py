"""What type of answer a run gives.

In:  a type: a pydantic model, a dataclass, a TypedDict, a union, a list, any that pydantic knows.
Out: `OutputType`: the tool that takes such an answer, and how its text is read.

The tool is never run: a call of it is checked as any call is, and what it holds is the answer.
"""

import json
from collections.abc import Callable
from dataclasses import field
from typing import Any, Generic

from pydantic import TypeAdapter
from typing_extensions import TypeVar

from agentkit.chat import Repair
from agentkit.config.profile import OutputMode
from agentkit.errors import AgentKitError, ConfigError, ToolError
from agentkit.history import History
from agentkit.json_schema import JsonObject, JsonSchema, JsonValue
from agentkit.message import ToolResult, UserMessage
from agentkit.tools.binding import BoundArguments, is_lossy, to_json
from agentkit.tools.schema import RESULT_KEY, derive_answer
from agentkit.tools.tool import Tool, ToolAnnotations
from agentkit.value import dataclass

OutputT = TypeVar("OutputT", default=str, covariant=True)

TOOL_DESCRIPTION = (
    "Give the final answer to the user. Call it alone, once you have all that the answer needs."
)
NOT_ALONE = (
    "The answer was not taken, because other tools were called beside it. Read their results, "
    "then give the answer alone."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSettings:
    """How an answer of a certain type is asked for; the defaults suit most.

    Attributes:
        mode: `tool`: by calling a tool that takes the answer. `prompt`: as JSON text.
            `response_format`: as JSON text to which the provider is held where it can be. None:
            what the model's profile says.
        retries: how often the model may try again after an answer that does not fit, 0 or more.
        name: the name of that tool.
        description: what it says of itself, for the model.
    """

    mode: OutputMode | None = None
    retries: int = 2
    name: str = "final_answer"
    description: str = TOOL_DESCRIPTION

    def __post_init__(self) -> None:
        if self.retries < 0:
            raise ValueError(f"An answer has 0 retries or more, not {self.retries}.")


class OutputError(AgentKitError):
    """A run gave no answer of the type that was asked for.

    Attributes:
        reason: what the model was told last about its answer; empty if it gave none.
        text: the last answer as it came.
        history: the whole conversation; None if the error was stored and loaded.
    """

    def __init__(
        self, message: str, *, reason: str = "", text: str = "", history: History | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.text = text
        self.history = history


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputBinding:
    """Reads the arguments of the answering tool as one value of the type."""

    adapter: TypeAdapter[Any]
    is_wrapped: bool
    has_decimals: bool
    takes_context: bool = False
    is_async: bool = True

    def bind(self, arguments: JsonObject) -> BoundArguments:
        """See `Binding`. JSON mode: a strict type of a user still takes a date from a text."""
        if self.has_decimals and is_lossy(arguments):
            raise ValueError(
                "a number has more digits than can be kept; write it as a text in quotes"
            )
        value: JsonValue = arguments[RESULT_KEY] if self.is_wrapped else arguments
        return BoundArguments(positional=(self.adapter.validate_json(json.dumps(value)),))

    def dump(self, value: object) -> JsonValue:
        """See `Binding`."""
        return to_json(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputType(Generic[OutputT]):
    """A type of answer.

    Attributes:
        tool: takes an answer of the type, and checks it.
        is_wrapped: the type is no object, so the answer stands under `result`.
    """

    tool: Tool[..., Any]
    is_wrapped: bool
    read: Callable[[BoundArguments], OutputT] = field(repr=False)


def read_type(annotation: Any, *, settings: OutputSettings) -> OutputType[Any]:
    """Return how answers of a type are asked for and read.

    Raises:
        ConfigError: there is no JSON that could become such a value.
        ToolDefinitionError: the name in the settings cannot be that of a tool.
    """
    try:
        answer = derive_answer(annotation)
    except Exception as error:  # a stranger's type runs a stranger's code
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise ConfigError(
            f"output_type={annotation!r} cannot be asked for as JSON ({reason}). "
            "Use a pydantic model, a dataclass, a TypedDict, or another type that pydantic knows."
        ) from error
    tool = Tool(
        name=settings.name,
        description=settings.description,
        input_schema=answer.schema,
        function=_refuse,
        binding=OutputBinding(
            adapter=answer.adapter,
            is_wrapped=answer.is_wrapped,
            has_decimals=answer.has_decimals,
        ),
        arguments_check=JsonSchema(answer.schema, is_trusted=True),
        annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False),
    )
    return OutputType(tool=tool, is_wrapped=answer.is_wrapped, read=_first)


def _first(bound: BoundArguments) -> Any:
    return bound.positional[0]


async def _refuse(answer: object) -> object:  # noqa: ARG001  # as it is called
    """Answer a call that came beside others; one that came alone is never run."""
    raise ToolError(NOT_ALONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What was found of an answer that should have a certain type.

    Attributes:
        is_accepted: it has the type.
        reason: why it has not, in words for the model.
        results: of the call that gave the answer, and of calls that came too late beside it.
        reply: what the model is told where it answered in text.
        repairs: what was changed before it fitted.
    """

    is_accepted: bool = False
    reason: str = ""
    results: tuple[ToolResult, ...] = ()
    reply: UserMessage | None = None
    repairs: tuple[Repair, ...] = ()
