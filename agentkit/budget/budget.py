"""The limits of a run, and what it has used of them.

In:  limits of the agent or of one run; the usage of each step.
Out: `Budget` and `Spent`, values; `Meter`, which a run shares with its nested runs.

Retries, failovers and nested agents count as usage of the run.
"""

import sys
from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

from agentkit.clock import Clock
from agentkit.event import StopReason
from agentkit.usage import NO_USAGE, Usage
from agentkit.value import dataclass, maker, replace

_Number = TypeVar("_Number", int, float)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The limits of a run and its nested runs together; None for no limit of that kind.

    At a limit the model is asked once more, without tools, for its best answer.

    Attributes:
        turns: the maximum number of model calls before that last one, 1 or more.
        tool_calls: the maximum number of tool calls that run; further calls get an error result.
        tokens: the maximum of tokens, sent and received; a request that could exceed it is not
            sent.
        cost_usd: the maximum cost; needs a model with known prices.
        seconds: the maximum duration, including the last answer.
        hard: end at the limit at once, without a last answer.
    """

    turns: int = 40
    tool_calls: int | None = 200
    tokens: int | None = None
    cost_usd: Decimal | None = None
    seconds: float | None = 3600.0
    hard: bool = False

    def __post_init__(self) -> None:
        if self.turns < 1:
            raise ValueError(f"A budget needs at least one turn, not {self.turns}.")
        for name in ("tool_calls", "tokens", "cost_usd", "seconds"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise ValueError(f"The budget {name}={value!r} is negative; use 0 or more.")
        if isinstance(self.cost_usd, float):
            object.__setattr__(self, "cost_usd", Decimal(str(self.cost_usd)))

    @property
    def needs_forecast(self) -> bool:
        """Return whether requests must be counted before they are sent."""
        return self.tokens is not None or self.cost_usd is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """The usage so far."""

    turns: int = 0
    tool_calls: int = 0
    tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    seconds: float = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        if other is NOTHING:
            return self
        if self is NOTHING:
            return other
        return _new_spent(
            turns=self.turns + other.turns,
            tool_calls=self.tool_calls + other.tool_calls,
            tokens=self.tokens + other.tokens,
            cost_usd=self.cost_usd + other.cost_usd,
            seconds=self.seconds + other.seconds,
        )

    @staticmethod
    def of_usage(usage: Usage) -> "Spent":
        """Return the usage of one exchange, without its duration."""
        return _new_spent(turns=1, tokens=usage.total_tokens, cost_usd=usage.cost_usd or Decimal(0))


_new_spent = maker(Spent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The usage that a request may have: its input is known, its answer is bounded.

    Attributes:
        input_tokens: counted or estimated; an estimate is rarely too low.
        input_usd_per_million: price of input; None if unknown.
        output_usd_per_million: price of output; None if unknown.
    """

    input_tokens: int
    input_usd_per_million: Decimal | None = None
    output_usd_per_million: Decimal | None = None

    def price(self, input_tokens: int, output_tokens: int) -> Decimal:
        """Return the price of these tokens; an unknown price counts as 0."""
        inputs = input_tokens * (self.input_usd_per_million or Decimal(0))
        outputs = output_tokens * (self.output_usd_per_million or Decimal(0))
        return (inputs + outputs) / 1_000_000


NOTHING = Spent()

NO_LIMITS = Budget(turns=sys.maxsize, tool_calls=None, seconds=None)
"""For a nested run that only the budgets of its parents limit."""

MIN_ANSWER_TOKENS = 32
"""A request that allows a shorter answer is not worth the cost of its input."""


class Meter:
    """The usage of a run and its nested runs, compared with its budget and its parents' budgets.

    Attributes:
        usage: the usage so far, as providers and token counts report it.
    """

    def __init__(self, budget: Budget, *, clock: Clock, parent: "Meter | None" = None) -> None:
        self.budget = budget
        self._clock = clock
        self._parent = parent
        self._started = clock.monotonic()
        self._working_seconds = _working_seconds(budget)
        self._spent = NOTHING
        self._held: dict[object, Spent] = {}
        self._owed: dict[object, Spent] = {}
        self._waiting: tuple[Callable[[], None], ...] = ()
        self._turns_begun = 0
        self.usage = NO_USAGE

    @property
    def spent(self) -> Spent:
        """Return the usage so far, including the duration."""
        return replace(self._spent, seconds=self._seconds)

    @property
    def _seconds(self) -> float:
        return self._spent.seconds + self._clock.monotonic() - self._started

    def charge(self, used: Spent, usage: Usage | None = None) -> None:
        """Add usage here and at all parents; `seconds` is time of an earlier life of the run."""
        self._spent = self._spent + used
        if usage is not None:
            self.usage = self.usage + usage
        if self._parent is not None:
            self._parent.charge(used, usage)

    def reached(self) -> StopReason | None:
        """Return the limit that is reached, here or at a parent; None if there is none."""
        spent, budget = self._spent, self.budget
        if spent.turns >= budget.turns:
            return "max_turns"
        if budget.tool_calls is not None and spent.tool_calls > budget.tool_calls:
            return "max_tool_calls"
        if budget.tokens is not None and spent.tokens >= budget.tokens:
            return "max_tokens"
        if budget.cost_usd is not None and spent.cost_usd >= budget.cost_usd:
            return "max_cost"
        if self._working_seconds is not None and self._seconds >= self._working_seconds:
            return "deadline"
        return None if self._parent is None else self._parent.reached()

    def seconds_left(self, *, closing: bool) -> float | None:
        """Return the time limit of the next step; None for no limit.

        A part of the time is reserved for the last answer; with `closing` it may be used.
        """
        limit = self.budget.seconds if closing else self._working_seconds
        left = None if limit is None else max(0.0, limit - self._seconds)
        above = None if self._parent is None else self._parent.seconds_left(closing=closing)
        return _least(left, above)

    def begin_turn(self) -> bool:
        """Reserve a model call here and at all parents; return False if none is left.

        `end_turn` releases it after it was charged.
        """
        if self._spent.turns + self._turns_begun >= self.budget.turns:
            return False
        if self._parent is not None and not self._parent.begin_turn():
            return False
        self._turns_begun += 1
        return True

    def end_turn(self) -> None:
        """Release a reserved model call, which was charged or not made."""
        self._turns_begun -= 1
        if self._parent is not None:
            self._parent.end_turn()

    def calls_left(self) -> int | None:
        """Return how many more tool calls may run; None for no limit."""
        left: int | None = None
        if self.budget.tool_calls is not None:
            left = max(0, self.budget.tool_calls - self._spent.tool_calls)
        above = None if self._parent is None else self._parent.calls_left()
        return _least(left, above)

    @property
    def needs_forecast(self) -> bool:
        """Return whether this budget or a parent's limits tokens or cost."""
        above = self._parent is not None and self._parent.needs_forecast
        return self.budget.needs_forecast or above

    def answer_limit(
        self, forecast: Forecast, *, pending: Spent = NOTHING
    ) -> int | StopReason | None:
        """Return the maximum length of an answer: tokens, the limit that forbids it, or None.

        Args:
            forecast: the usage that the request may have.
            pending: usage that is not charged yet.
        """
        limits: list[int] = []
        held = (*self._held.values(), *self._owed.values())
        budget, spent = self.budget, sum(held, self._spent + pending)
        if budget.tokens is not None:
            left = budget.tokens - spent.tokens - forecast.input_tokens
            if left < MIN_ANSWER_TOKENS:
                return "max_tokens"
            limits.append(left)
        if budget.cost_usd is not None:
            affordable = _affordable(budget.cost_usd - spent.cost_usd, forecast)
            if affordable < MIN_ANSWER_TOKENS:
                return "max_cost"
            limits.append(affordable)
        if self._parent is not None:
            above = self._parent.answer_limit(forecast, pending=pending)
            if isinstance(above, str):
                return above
            if above is not None:
                limits.append(above)
        return min(limits, default=None)

    @property
    def is_held(self) -> bool:
        """Return whether a request in flight has reserved a part of this budget or a parent's."""
        return bool(self._held) or (self._parent is not None and self._parent.is_held)

    def reserve(self, holder: object, most: Spent, *, is_over: bool = False) -> None:
        """Reserve the usage that a request may have, here and at all parents.

        Args:
            holder: the key for `release`.
            most: the usage that it may have.
            is_over: it has had that usage, and it is not charged yet.
        """
        (self._owed if is_over else self._held)[holder] = most
        if self._parent is not None:
            self._parent.reserve(holder, most, is_over=is_over)

    def release(self, holder: object) -> None:
        """Release a reservation, if there is one; its usage was charged or did not occur."""
        self._owed.pop(holder, None)
        was_held = self._held.pop(holder, None) is not None
        if self._parent is not None:
            self._parent.release(holder)
        # A waiting request releases nothing, so waiting requests do not wake each other.
        elif was_held:
            waiting, self._waiting = self._waiting, ()
            for act in waiting:
                act()

    def call_when_released(self, act: Callable[[], None]) -> None:
        """Call `act` once, when a reservation is released."""
        if self._parent is not None:
            self._parent.call_when_released(act)
        else:
            self._waiting = (*self._waiting, act)


def _working_seconds(budget: Budget) -> float | None:
    """Return the time before the last answer: a tenth is reserved for it, at most 30 s."""
    seconds = budget.seconds
    if seconds is None or budget.hard:
        return seconds
    return seconds - min(seconds / 10, 30.0)


def _least(one: _Number | None, other: _Number | None) -> _Number | None:
    """Return the lower of two limits; None is no limit."""
    if one is None:
        return other
    return one if other is None else min(one, other)


def _affordable(money: Decimal, forecast: Forecast) -> int:
    """Return how many answer tokens `money` buys after the input; 0 if no price is known."""
    price_in, price_out = forecast.input_usd_per_million, forecast.output_usd_per_million
    if price_in is None or price_out is None:
        return 0
    left = money - price_in * forecast.input_tokens / 1_000_000
    if left <= 0:
        return 0
    return 2**31 if price_out == 0 else int(left * 1_000_000 / price_out)
