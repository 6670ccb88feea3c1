"""The values that an explanation consists of.

In:  nothing.
Out: `Step`s of a run, and what is shown of each.
"""

from dataclasses import field
from decimal import Decimal
from typing import Literal, TypeAlias

from agentkit.chat import Repair
from agentkit.usage import NO_USAGE, Usage
from agentkit.value import dataclass

StepKind: TypeAlias = Literal["agent", "model", "tool", "wait"]
Tone: TypeAlias = Literal["ok", "wait", "bad", "fix"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """A short remark on a step; `tone` is its color."""

    text: str
    tone: Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt of an exchange.

    Attributes:
        provider: who was asked, if that is known.
        at: seconds since the beginning.
        outcome: how it ended.
        wait_seconds: how long the next attempt waited after it.
        is_failed: whether another attempt followed, or should have.
    """

    provider: str
    at: float
    outcome: str
    wait_seconds: float = 0.0
    is_failed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A labelled text, such as arguments; it may come from anywhere."""

    label: str
    text: str
    is_bad: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something that took time: an agent, a model call, a tool, or a wait.

    Attributes:
        anchor: identifies the step, e.g. `s3`.
        title: what it was, e.g. the name of the tool.
        agent: whose step it is.
        depth: agents around it; 0 for an outermost run.
        start: seconds since the beginning.
        end: the same; of a step that never ended, when the records end.
        provider: who answered.
        usage: of a model call.
        badges: remarks.
        attempts: of a model call that was attempted more than once.
        repairs: what was repaired of an answer.
        texts: what was said and returned.
        notes: sentences about the step.
    """

    kind: StepKind
    anchor: str
    title: str
    agent: str
    depth: int
    start: float
    end: float
    provider: str | None = None
    usage: Usage = NO_USAGE
    badges: tuple[Badge, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    repairs: tuple[Repair, ...] = ()
    texts: tuple[Text, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Return how long it took."""
        return max(0.0, self.end - self.start)

    @property
    def is_problem(self) -> bool:
        """Return whether something about it was not as it should be."""
        return any(badge.tone != "ok" for badge in self.badges)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSplit:
    """Seconds of a run by what it did; things at the same time count once, for the first of these.

    Attributes:
        recovery: from the last record of a life to the next life.
        model: model calls.
        tools: tools.
        retries: waiting to attempt a model call again, or for a rate limit.
        queue: before the run began.
        people: waiting for an approval.
        own: the rest: agentkit itself, and the program around it.
    """

    recovery: float = 0.0
    model: float = 0.0
    tools: float = 0.0
    retries: float = 0.0
    queue: float = 0.0
    people: float = 0.0
    own: float = 0.0

    @property
    def without_people(self) -> float:
        """Return the time without waiting for people."""
        return self.model + self.tools + self.retries + self.recovery + self.queue + self.own


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRow:
    """What one agent used of one provider.

    Attributes:
        exchanges: those that were answered.
        failed: attempts that were not.
        usage: what the provider reported.
    """

    agent: str
    provider: str
    exchanges: int = 0
    failed: int = 0
    usage: Usage = NO_USAGE

    @property
    def cost_usd(self) -> Decimal | None:
        """Return US dollars; None if no exchange reported or had a price."""
        return self.usage.cost_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryLine:
    """A sentence about a run, and the step it is about."""

    text: str
    anchor: str | None = None
    badge: Badge | None = field(default=None)
