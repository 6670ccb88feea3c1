"""One model exchange as values, whatever the provider.

In:  a conversation, the tools on offer, how to choose among them, settings.
Out: `ModelRequest` and `ModelResponse`.
"""

from collections.abc import Callable, Mapping
from dataclasses import field, fields, replace
from typing import Literal, TypeAlias

from agentkit.content import short_repr
from agentkit.errors import ErrorKind
from agentkit.history import History
from agentkit.json_schema import JsonValue
from agentkit.message import AssistantMessage
from agentkit.usage import Usage
from agentkit.value import dataclass, record

_OWN_FIELDS = frozenset(
    {"model", "messages", "prompt", "system", "tools", "tool_choice", "stream", "stream_options"}
)
"""Fields that the parsing of an answer relies on, in any format."""

FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A tool as a model sees it.

    Attributes:
        name: `[A-Za-z0-9_.-]{1,128}`; a dialect narrows it for its provider.
        input_schema: JSON Schema of the arguments, an object schema.
    """

    name: str
    description: str
    input_schema: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolChoice:
    """Whether a model may, must or must not call a tool.

    `name` forces one tool; then `mode` is `required`.
    """

    mode: Literal["auto", "required", "none"] = "auto"
    name: str | None = None

    def __post_init__(self) -> None:
        if self.name is not None and self.mode != "required":
            raise ValueError("A named tool choice has the mode 'required'.")

    @classmethod
    def parse(cls, text: str) -> "ToolChoice":
        """Read `auto`, `required`, `none`, or else the name of a tool."""
        match text:
            case "auto" | "required" | "none":
                return cls(mode=text)
            case _:
                return cls(mode="required", name=text)

    @property
    def is_forced(self) -> bool:
        """Return whether an answer without a call would break the choice."""
        return self.mode == "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """How a model should answer; None leaves it to the provider.

    Attributes:
        temperature: 0 is as repeatable as the provider can be.
        max_tokens: most tokens of one answer, 1 or more.
        stop: texts at which the answer ends.
        parallel_tool_calls: whether one answer may hold several calls. With False, an agent runs
            only the first of them, whatever the provider makes of the setting.
        frequency_penalty: above 0, tokens are less likely the more often they occurred; -2 to 2.
        presence_penalty: above 0, tokens that occurred at all are less likely; -2 to 2.
        extra_body: further fields of the request's body, sent as they are. What agentkit writes
            itself (model, messages, tools, tool choice, stream) cannot be set here.
    """

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    parallel_tool_calls: bool | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    extra_body: Mapping[str, JsonValue] = field(default_factory=dict)

    __repr__ = short_repr

    def __post_init__(self) -> None:
        if taken := sorted(_OWN_FIELDS.intersection(self.extra_body)):
            raise ValueError(f"extra_body cannot set {taken}; agentkit writes these fields itself.")

    def merged(self, other: "ModelSettings | None") -> "ModelSettings":
        """Return these settings with what `other` sets in place of its own."""
        if other is None:
            return self
        unset = ModelSettings()
        given = {one.name: getattr(other, one.name) for one in fields(other)}
        return replace(
            self,
            **{name: value for name, value in given.items() if value != getattr(unset, name)},
        )


@record
class ModelRequest:
    """All that one exchange depends on; the history has no open calls.

    Attributes:
        response_format: JSON Schema that the answer's text should fit; a provider that cannot be
            asked to keep to it is not asked, so the instructions contain it too.
        shown_arguments: name of the tool whose arguments are shown as they arrive, if one.
        accepts_text: text is an answer even if the tool choice requires a call; some servers
            (Ollama, LM Studio) ignore the choice, and the text may hold what was asked for.
        room: asked before each attempt for the most tokens its answer may have; None for any.
    """

    history: History
    instructions: str = ""
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: ToolChoice = field(default_factory=ToolChoice)
    settings: ModelSettings = field(default_factory=ModelSettings)
    stream: bool = False
    response_format: Mapping[str, JsonValue] | None = None
    shown_arguments: str | None = None
    accepts_text: bool = False
    room: Callable[[], int | None] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.history.open_calls:
            names = [call.id for call in self.history.open_calls]
            raise ValueError(f"The calls {names} have no result yet; a request cannot carry them.")

    def limited(self) -> "ModelRequest":
        """Return the request with an answer no longer than there is room for now."""
        room = None if self.room is None else self.room()
        if room is None:
            return self
        most = min(self.settings.max_tokens or room, room)
        return replace(self, settings=replace(self.settings, max_tokens=most))


SYNTAX_REPAIRS = frozenset(
    {
        "argument_snapshots",
        "decoded_array",
        "decoded_object",
        "double_encoded",
        "empty_list_arguments",
        "fenced",
        "illegal_escape",
        "joined_name",
        "leading_object",
        "minted_id",
        "null_arguments",
        "object_arguments",
        "python_literal",
        "raw_line_break",
        "repaired_name",
        "repeated_arguments",
        "split_calls",
        "text_call",
    }
)
"""Kinds of repair of a call that change how it was written and keep its name and its values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """One thing in an answer that was not as it should be, and what was made of it.

    Attributes:
        kind: which rule repaired it, e.g. `text_call` or `coerced_integer`.
        before: what came, shortened.
        after: what was made of it, shortened.
        call_id: the call it concerns, if one.
        reason: why it could not be used as it came; empty if the kind says it.
    """

    kind: str
    before: str
    after: str
    call_id: str | None = None
    reason: str = ""

    @property
    def changes_values(self) -> bool:
        """Return whether a value was repaired, and not only the way it was written.

        What is not known to keep the values counts as a change.
        """
        return self.kind not in SYNTAX_REPAIRS


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedExchange:
    """Why a model of a route did not answer.

    Attributes:
        model: its name, e.g. `oxen:mixtral-8x22b`.
        usage: what the failed answer used, as far as the provider reported it.
    """

    model: str
    kind: ErrorKind
    error: str
    usage: Usage = field(default_factory=Usage)


@record
class ModelResponse:
    """What came back from one exchange.

    Attributes:
        raw_finish_reason: the provider's own word for why the model stopped.
        model: the id the provider says answered.
        provider: the provider's name in the catalog.
        failures: who was asked before, and why they did not answer.
    """

    message: AssistantMessage
    finish_reason: FinishReason
    raw_finish_reason: str | None = None
    usage: Usage = field(default_factory=Usage)
    model: str | None = None
    provider: str | None = None
    response_id: str | None = None
    repairs: tuple[Repair, ...] = ()
    failures: tuple[FailedExchange, ...] = ()


@record
class ModelExchange:
    """Who answered one turn of a run.

    Attributes:
        turn: counts from 1.
        provider: the provider's name in the catalog.
        model: the id the provider says answered.
        usage: what the exchange used.
        failures: who was asked before, and why they did not answer.
    """

    turn: int
    provider: str | None
    model: str | None
    usage: Usage
    failures: tuple[FailedExchange, ...] = ()
