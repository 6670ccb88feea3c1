"""What the planner is asked and what it answers, apart from any provider's format.

In:  the last question of a conversation, the tools on offer, the calls made so far.
Out: `PlanRequest`, `PlannedAnswer`.
"""

from collections.abc import Mapping
from dataclasses import field
from datetime import date

from agentkit.chat import ToolChoice, ToolSpec
from agentkit.json_schema import JsonValue
from agentkit.value import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """A call that was made or is to be made; without a result, there is none yet."""

    name: str
    arguments: Mapping[str, JsonValue]
    result: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """A question and what is known about it.

    Attributes:
        question: the last message of the user.
        made: the calls made for this question so far, oldest first.
        parallel: the answer may hold several calls.
        today: the date that "today" is.
    """

    question: str
    tools: tuple[ToolSpec, ...] = ()
    choice: ToolChoice = field(default_factory=ToolChoice)
    made: tuple[CallRecord, ...] = ()
    parallel: bool = True
    today: date = date(2024, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedAnswer:
    """Text, or calls and no text."""

    text: str = ""
    calls: tuple[CallRecord, ...] = ()
