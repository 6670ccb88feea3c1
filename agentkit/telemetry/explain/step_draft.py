"""The steps of a run while its records are read.

In:  nothing.
Out: `OpenRun`, `StepDraft`, `Interval`: what may still change.
"""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from agentkit.chat import Repair
from agentkit.event import BudgetLimits
from agentkit.message import ToolCall
from agentkit.telemetry.explain.run_step import Attempt, Badge, StepKind, Text
from agentkit.usage import NO_USAGE, Usage

Activity: TypeAlias = Literal["model", "tools", "retries", "recovery", "queue", "people"]


class Interval(NamedTuple):
    """A time in which something was done, in seconds since the beginning."""

    activity: Activity
    start: float
    end: float


@dataclass(kw_only=True)
class StepDraft:
    """A step that may still change; see `Step`."""

    kind: StepKind
    title: str
    agent: str
    depth: int
    start: float
    end: float | None = None
    provider: str | None = None
    usage: Usage = NO_USAGE
    badges: list[Badge] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    repairs: list[Repair] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def mark(self, text: str, tone: Literal["ok", "wait", "bad", "fix"]) -> None:
        """Add a badge, once."""
        badge = Badge(text=text, tone=tone)
        if badge not in self.badges:
            self.badges.append(badge)


@dataclass(kw_only=True)
class OpenRun:
    """A run as far as its records were read."""

    id: str
    depth: int
    agent: str = ""
    model: str = ""
    exchanges: int = 0
    segment: StepDraft | None = None
    chat: StepDraft | None = None
    wait: StepDraft | None = None
    last: StepDraft | None = None
    tools: dict[str, StepDraft] = field(default_factory=dict)
    calls: dict[str, ToolCall] = field(default_factory=dict)
    unsent: list[str] = field(default_factory=list)
    instructions: str = ""
    limits: BudgetLimits | None = None
