"""How far a run may go, and how far it has come.

In:  limits from the agent or from one call of `run`; what each step used.
Out: `Budget` and `Spent`, values; `Meter`, which a run shares with its children.

What a run's retries, fail-overs and sub-agents use counts as the run's own.
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
    """The limits of a run and all its children together; None for no limit of that kind.

    At a limit the model is asked once more, without tools, for the best answer from what it has.

    Attributes:
        turns: most model calls before that last one, 1 or more.
        tool_calls: most tool calls that are run; those beyond are answered with an error.
        tokens: most tokens, sent and received; no request is made that could go beyond.
        cost_usd: most money; needs a model whose price is known.
        seconds: most time, the last answer included.
        hard: end at the limit at once, without that last answer.
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
                raise ValueError(f"The budget {name}={value!r} makes no sense; use 0 or more.")
        if isinstance(self.cost_usd, float):
            object.__setattr__(self, "cost_usd", Decimal(str(self.cost_usd)))

    @property
    def needs_forecast(self) -> bool:
        """Say whether a request must be counted before it is sent."""
        return self.tokens is not None or self.cost_usd is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What was used so far."""

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
        """Return what one exchange used, without its time."""
        return _new_spent(turns=1, tokens=usage.total_tokens, cost_usd=usage.cost_usd or Decimal(0))


_new_spent = maker(Spent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a request will use: its input is known, its answer has a longest length.

    Attributes:
        input_tokens: counted or estimated; an estimate is never below the truth by much.
        input_usd_per_million: price of input; None if unknown.
        output_usd_per_million: price of output; None if unknown.
    """

    input_tokens: int
    input_usd_per_million: Decimal | None = None
    output_usd_per_million: Decimal | None = None

    def price(self, input_tokens: int, output_tokens: int) -> Decimal:
        """Return what so many tokens cost; what is unknown counts as nothing."""
        inputs = input_tokens * (self.input_usd_per_million or Decimal(0))
        outputs = output_tokens * (self.output_usd_per_million or Decimal(0))
        return (inputs + outputs) / 1_000_000


NOTHING = Spent()

NO_LIMITS = Budget(turns=sys.maxsize, tool_calls=None, seconds=None)
"""For a part of a run that only the budgets above it limit."""

MIN_ANSWER_TOKENS = 32
"""A request that leaves less room for its answer is not worth its input."""


class Meter:
    """What a run and its children have spent, against the run's budget and its parents'.

    Attributes:
        usage: what was used so far, as providers and counts have it.
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
        """Return what was used so far, time included."""
        return replace(self._spent, seconds=self._seconds)

    @property
    def _seconds(self) -> float:
        return self._spent.seconds + self._clock.monotonic() - self._started

    def charge(self, used: Spent, usage: Usage | None = None) -> None:
        """Add what was used, here and at all parents; `seconds` counts time that was not lived."""
        self._spent = self._spent + used
        if usage is not None:
            self.usage = self.usage + usage
        if self._parent is not None:
            self._parent.charge(used, usage)

    def reached(self) -> StopReason | None:
        """Return the limit that leaves nothing more to do, here or at a parent."""
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
        """Return how long the next step may take; None for no limit.

        Some time is kept back for the last answer; with `closing`, it may be used.
        """
        limit = self.budget.seconds if closing else self._working_seconds
        left = None if limit is None else max(0.0, limit - self._seconds)
        above = None if self._parent is None else self._parent.seconds_left(closing=closing)
        return _least(left, above)

    def begin_turn(self) -> bool:
        """Take a model call out of what is left, here and at all parents; False if none is.

        It is given back with `end_turn`, when it is charged.
        """
        if self._spent.turns + self._turns_begun >= self.budget.turns:
            return False
        if self._parent is not None and not self._parent.begin_turn():
            return False
        self._turns_begun += 1
        return True

    def end_turn(self) -> None:
        """Give back a model call that was begun; it is charged by now, or was not made."""
        self._turns_begun -= 1
        if self._parent is not None:
            self._parent.end_turn()

    def calls_left(self) -> int | None:
        """Return how many tool calls may still be run; None for no limit."""
        left: int | None = None
        if self.budget.tool_calls is not None:
            left = max(0, self.budget.tool_calls - self._spent.tool_calls)
        above = None if self._parent is None else self._parent.calls_left()
        return _least(left, above)

    @property
    def needs_forecast(self) -> bool:
        """Say whether some budget on the way up has to know what a request may use."""
        above = self._parent is not None and self._parent.needs_forecast
        return self.budget.needs_forecast or above

    def answer_room(
        self, forecast: Forecast, *, pending: Spent = NOTHING
    ) -> int | StopReason | None:
        """Return how long an answer may be: tokens, the limit that forbids it, or None for any.

        Args:
            forecast: what the request will use.
            pending: what was used and is not charged yet.
        """
        rooms: list[int] = []
        held = (*self._held.values(), *self._owed.values())
        budget, spent = self.budget, sum(held, self._spent + pending)
        if budget.tokens is not None:
            room = budget.tokens - spent.tokens - forecast.input_tokens
            if room < MIN_ANSWER_TOKENS:
                return "max_tokens"
            rooms.append(room)
        if budget.cost_usd is not None:
            affordable = _affordable(budget.cost_usd - spent.cost_usd, forecast)
            if affordable < MIN_ANSWER_TOKENS:
                return "max_cost"
            rooms.append(affordable)
        if self._parent is not None:
            above = self._parent.answer_room(forecast, pending=pending)
            if isinstance(above, str):
                return above
            if above is not None:
                rooms.append(above)
        return min(rooms, default=None)

    @property
    def is_held(self) -> bool:
        """Say whether a request is on its way that holds a part of this budget or of one above."""
        return bool(self._held) or (self._parent is not None and self._parent.is_held)

    def hold(self, holder: object, most: Spent, *, is_over: bool = False) -> None:
        """Keep what a request may use from those beside it, here and at all parents.

        Args:
            holder: who gives it back.
            most: what it may use.
            is_over: it has used that, and it is not charged yet.
        """
        (self._owed if is_over else self._held)[holder] = most
        if self._parent is not None:
            self._parent.hold(holder, most, is_over=is_over)

    def free(self, holder: object) -> None:
        """Give back what is held, if something is: it is charged by now, or was not used."""
        self._owed.pop(holder, None)
        was_held = self._held.pop(holder, None) is not None
        if self._parent is not None:
            self._parent.free(holder)
        # Those who wait free nothing, so that they do not wake each other.
        elif was_held:
            waiting, self._waiting = self._waiting, ()
            for act in waiting:
                act()

    def call_when_freed(self, act: Callable[[], None]) -> None:
        """Have `act` called once, when somebody gives back what was held."""
        if self._parent is not None:
            self._parent.call_when_freed(act)
        else:
            self._waiting = (*self._waiting, act)


def _working_seconds(budget: Budget) -> float | None:
    """Return the time before the last answer is asked for: a tenth is kept, at most 30 s."""
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
    """Return how many answer tokens `money` buys beside the input; 0 where no price is known."""
    price_in, price_out = forecast.input_usd_per_million, forecast.output_usd_per_million
    if price_in is None or price_out is None:
        return 0
    left = money - price_in * forecast.input_tokens / 1_000_000
    if left <= 0:
        return 0
    return 2**31 if price_out == 0 else int(left * 1_000_000 / price_out)
