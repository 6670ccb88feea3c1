"""What the planner is asked and what it answers, apart from how any provider spells it.

In:  a request that was read and found right.
Out: `Ask`, `Answer`.
"""

from collections.abc import Mapping
from dataclasses import field
from datetime import date
from typing import Literal

from agentkit.chat import ToolChoice, ToolSpec
from agentkit.json_schema import JsonValue
from agentkit.value import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A call that was made, and what came of it; None while nothing did."""

    name: str
    arguments: Mapping[str, JsonValue]
    result: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A question and what is known about it.

    Attributes:
        question: the last thing the user said.
        made: the calls made for this question so far, oldest first.
        earlier: the calls made for the questions before it, oldest first.
        parallel: the answer may hold several calls.
        today: what "today" means.
    """

    question: str
    tools: tuple[ToolSpec, ...] = ()
    choice: ToolChoice = field(default_factory=ToolChoice)
    made: tuple[Made, ...] = ()
    earlier: tuple[Made, ...] = ()
    parallel: bool = True
    today: date = date(2024, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCall:
    """A call to make; its id is the provider's affair."""

    name: str
    arguments: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Text, or calls and no text."""

    text: str = ""
    calls: tuple[PlannedCall, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SpelledCall:
    """A call as it goes out: with an id, and its arguments as text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """An answer ready to be spelled, whole or as a stream.

    Attributes:
        prompt_tokens: an estimate, the same for the same request.
        completion_tokens: an estimate, the same whole and streamed.
        stopped_at: the stop text before which the text ends, if one did end it.
    """

    text: str
    calls: tuple[SpelledCall, ...]
    finish_reason: Literal["stop", "length", "tool_calls"]
    prompt_tokens: int
    completion_tokens: int
    stopped_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that was read and found right, whatever the form it came in.

    Attributes:
        model: the id as it was sent.
        sent: all that an answer depends on, as text.
        used_ids: the ids of the calls in the conversation.
        is_stream: the answer is to be streamed.
        wants_usage: the request asks for usage where it would not come by itself.
        in_words: calls go out as text: with the marker, or bare where a raw prompt is completed.
        begun: what the prompt already holds of the answer.
    """

    model: str
    ask: Ask
    sent: str
    used_ids: frozenset[str] = frozenset()
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    is_stream: bool = False
    wants_usage: bool = False
    in_words: Literal["no", "marked", "bare"] = "no"
    begun: str = ""
