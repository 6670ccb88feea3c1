"""What a run has used, against its limits and those of the runs above it.

In:  what each step used, what a request will use.
Out: `Meter`, which answers every question about a limit: what may be sent, how long it may take,
     what is left for a part of the run, what was used, which limit is reached.

What a run's retries, failovers and inner runs use counts as the run's own.
"""

import math
from collections.abc import Callable
from decimal import Decimal

from agentkit.budget.budget import NO_LIMITS, Budget, Limits, check_price
from agentkit.clock import Clock
from agentkit.config.profile import ModelProfile
from agentkit.event import StopReason
from agentkit.usage import NO_USAGE, Usage, total_usage
from agentkit.value import record

_NO_COST = Decimal(0)


@record
class Spent:
    """The usage so far."""

    turns: int = 0
    tool_calls: int = 0
    tokens: int = 0
    cost_usd: Decimal = _NO_COST
    seconds: float = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        if other is NOTHING:
            return self
        if self is NOTHING:
            return other
        return Spent(
            turns=self.turns + other.turns,
            tool_calls=self.tool_calls + other.tool_calls,
            tokens=self.tokens + other.tokens,
            cost_usd=self.cost_usd + other.cost_usd,
            seconds=self.seconds + other.seconds,
        )

    def lasting(self, seconds: float) -> "Spent":
        """Return the same usage with this duration."""
        return Spent(
            turns=self.turns,
            tool_calls=self.tool_calls,
            tokens=self.tokens,
            cost_usd=self.cost_usd,
            seconds=seconds,
        )

    @staticmethod
    def of_usage(usage: Usage) -> "Spent":
        """Return the usage of one exchange, without its duration."""
        return Spent(turns=1, tokens=usage.total_tokens, cost_usd=usage.cost_usd or _NO_COST)


@record
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

MIN_ANSWER_TOKENS = 32
"""A request that allows a shorter answer is not worth the cost of its input."""


class Meter:
    """The usage of a run and its nested runs, compared with its budget and its parents' budgets.

    It is counted in plain numbers: a value for each charge would be a tenth of a turn.

    Attributes:
        limits: those of this budget.
        needs_forecast: this budget or that of a parent limits tokens or cost.
    """

    __slots__ = (
        "_clock",
        "_cost_usd",
        "_earlier_seconds",
        "_held",
        "_most_usd",
        "_owed",
        "_parent",
        "_started",
        "_tokens",
        "_tool_calls",
        "_turns",
        "_turns_begun",
        "_usages",
        "_waiting",
        "_working_seconds",
        "limits",
        "needs_forecast",
    )

    def __init__(
        self, budget: Budget | Limits, *, clock: Clock, parent: "Meter | None" = None
    ) -> None:
        self.limits: Limits = budget.limits() if isinstance(budget, Budget) else budget
        self.needs_forecast: bool = self.limits.needs_forecast or (
            parent is not None and parent.needs_forecast
        )
        self._clock = clock
        self._parent = parent
        self._started = clock.monotonic()
        self._working_seconds = self.limits.working_seconds
        self._most_usd = self.limits.cost_usd if self.limits.has_money_limit else None
        self._turns = self._tool_calls = self._tokens = 0
        self._cost_usd = _NO_COST
        self._earlier_seconds = 0.0
        self._held: dict[object, Spent] = {}
        self._owed: dict[object, Spent] = {}
        self._waiting: tuple[Callable[[], None], ...] = ()
        self._turns_begun = 0
        self._usages: list[Usage] = []

    @property
    def usage(self) -> Usage:
        """Return the usage so far, as providers and token counts report it."""
        self._usages = [total_usage(self._usages)]
        return self._usages[0]

    @property
    def spent(self) -> Spent:
        """Return the usage so far, including the duration."""
        return Spent(
            turns=self._turns,
            tool_calls=self._tool_calls,
            tokens=self._tokens,
            cost_usd=self._cost_usd,
            seconds=self._seconds,
        )

    @property
    def _seconds(self) -> float:
        return self._earlier_seconds + self._clock.monotonic() - self._started

    def charge(self, used: Spent, usage: Usage | None = None) -> None:
        """Add usage here and at all parents; `seconds` is time of an earlier life of the run."""
        if used is not NOTHING:
            self._turns += used.turns
            self._tool_calls += used.tool_calls
            self._tokens += used.tokens
            if used.cost_usd:
                self._cost_usd += used.cost_usd
            self._earlier_seconds += used.seconds
        if usage is not None and usage is not NO_USAGE:
            self._usages.append(usage)
        if self._parent is not None:
            self._parent.charge(used, usage)

    def child(self, budget: Budget | Limits = NO_LIMITS) -> "Meter":
        """Return a meter for a part of this run, with limits in addition to those here."""
        return Meter(budget, clock=self._clock, parent=self)

    def reached(self) -> StopReason | None:
        """Return the limit that is reached, here or at a parent; None if there is none."""
        limits = self.limits
        if self._turns >= limits.turns:
            return "max_turns"
        if self._tool_calls > limits.tool_calls:
            return "max_tool_calls"
        if self._tokens >= limits.tokens:
            return "max_tokens"
        if self._most_usd is not None and self._cost_usd >= self._most_usd:
            return "max_cost"
        used_seconds = self._earlier_seconds + self._clock.monotonic() - self._started
        if used_seconds >= self._working_seconds:
            return "deadline"
        return None if self._parent is None else self._parent.reached()

    def seconds_left(self, *, closing: bool) -> float | None:
        """Return the time limit of the next step; None for no limit.

        A part of the time is reserved for the closing answer; with `closing` it may be used.
        """
        limit = self.limits.seconds if closing else self._working_seconds
        left = None
        if limit != math.inf:
            used = self._earlier_seconds + self._clock.monotonic() - self._started
            left = max(0.0, limit - used)
        if self._parent is None:
            return left
        above = self._parent.seconds_left(closing=closing)
        return above if left is None or (above is not None and above < left) else left

    def begin_turn(self) -> bool:
        """Reserve a model call here and at all parents; return False if none is left.

        `end_turn` releases it after it was charged.
        """
        if self._turns + self._turns_begun >= self.limits.turns:
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

    def calls_left(self) -> float:
        """Return how many more tool calls may run; infinite for no limit."""
        left = max(0.0, self.limits.tool_calls - self._tool_calls)
        return left if self._parent is None else min(left, self._parent.calls_left())

    def check_price(self, profile: ModelProfile, *, model: str) -> None:
        """Refuse a limit of money, here or at a parent, on a model whose price is not known.

        Raises:
            ConfigError: as `agentkit.budget.budget.check_price`.
        """
        check_price(self.limits, profile, model=model)
        if self._parent is not None:
            self._parent.check_price(profile, model=model)

    def prices(self, profile: ModelProfile) -> tuple[Decimal | None, Decimal | None]:
        """Return dollars per million input and output tokens, of this budget or the profile."""
        return self.limits.prices(profile)

    def answer_limit(
        self, forecast: Forecast, *, pending: Spent = NOTHING
    ) -> int | StopReason | None:
        """Return the maximum length of an answer: tokens, the limit that forbids it, or None.

        Args:
            forecast: the usage that the request may have.
            pending: usage that is not charged yet.
        """
        found: list[int] = []
        held = (*self._held.values(), *self._owed.values())
        limits, spent = self.limits, sum(held, self.spent + pending)
        if limits.tokens != math.inf:
            left = int(limits.tokens) - spent.tokens - forecast.input_tokens
            if left < MIN_ANSWER_TOKENS:
                return "max_tokens"
            found.append(left)
        if limits.has_money_limit:
            affordable = _affordable(limits.cost_usd - spent.cost_usd, forecast)
            if affordable < MIN_ANSWER_TOKENS:
                return "max_cost"
            found.append(affordable)
        if self._parent is not None:
            above = self._parent.answer_limit(forecast, pending=pending)
            if isinstance(above, str):
                return above
            if above is not None:
                found.append(above)
        return min(found, default=None)

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


def _affordable(money: Decimal, forecast: Forecast) -> int:
    """Return how many answer tokens `money` buys after the input; 0 if no price is known."""
    price_in, price_out = forecast.input_usd_per_million, forecast.output_usd_per_million
    if price_in is None or price_out is None:
        return 0
    left = money - price_in * forecast.input_tokens / 1_000_000
    if left <= 0:
        return 0
    return 2**31 if price_out == 0 else int(left * 1_000_000 / price_out)
