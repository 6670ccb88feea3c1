"""The limits of a run, as its caller writes them and as they are in force.

In:  `Budget`s of an agent and of one call of `run`, each with what is set there.
Out: `Limits`, with a value for everything.
"""

import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

from agentkit.config.profile import ModelProfile
from agentkit.content import short_repr
from agentkit.errors import ConfigError
from agentkit.event import BudgetLimits
from agentkit.value import dataclass, record

DEFAULT_TURNS = 40
DEFAULT_TOOL_CALLS = 200
DEFAULT_SECONDS = 3600.0

_NO_MONEY_LIMIT = Decimal("Infinity")
_NAMES = ("turns", "tool_calls", "tokens", "cost_usd", "seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits of a run and all runs inside it together.

    None means "not set here": the agent's budget counts, else 40 turns, 200 tool calls and an
    hour. `math.inf` means no limit of that kind.

    At a limit the model is asked once more, without tools, for the best answer from what it has.

    Attributes:
        turns: most model calls before that closing answer, 1 or more.
        tool_calls: most tool calls that are run; further ones get an error result.
        tokens: most tokens, sent and received; no request is sent that could exceed it.
        cost_usd: most money in US dollars; needs a model whose price is known, or `price_usd`.
        seconds: most time, the closing answer included.
        closing_answer: ask for that last answer at a limit; True if not set.
        price_usd: dollars per million input and output tokens, in place of the profile's.
    """

    turns: float | None = None
    tool_calls: float | None = None
    tokens: float | None = None
    cost_usd: Decimal | float | None = None
    seconds: float | None = None
    closing_answer: bool | None = None
    price_usd: tuple[Decimal | float, Decimal | float] | None = None

    __repr__ = short_repr

    def __post_init__(self) -> None:
        for name in _NAMES:
            value: Any = getattr(self, name)
            if value is not None and not value >= 0:  # NaN is refused too
                raise ValueError(
                    f"The budget {name}={value!r} is negative or not a number; use 0 or more."
                )
        if self.turns is not None and self.turns < 1:
            raise ValueError(f"A budget needs at least one turn, not {self.turns}.")
        if self.price_usd is not None and not all(price >= 0 for price in self.price_usd):
            raise ValueError(f"The prices {self.price_usd!r} must be 0 or more.")

    def merged(self, other: "Budget | None") -> "Budget":
        """Return this budget with what `other` sets in place of its own."""
        if other is None:
            return self
        names = (*_NAMES, "closing_answer", "price_usd")
        given = {name: getattr(other, name) for name in names}
        return replace(self, **{name: one for name, one in given.items() if one is not None})

    def limits(self) -> "Limits":
        """Return the limits that are in force, defaults included."""
        money = self.cost_usd
        return Limits(
            turns=_or(self.turns, DEFAULT_TURNS),
            tool_calls=_or(self.tool_calls, DEFAULT_TOOL_CALLS),
            tokens=_or(self.tokens, math.inf),
            cost_usd=_NO_MONEY_LIMIT if money is None else _decimal(money),
            seconds=_or(self.seconds, DEFAULT_SECONDS),
            closing_answer=self.closing_answer is not False,
            price_usd=None
            if self.price_usd is None
            else (_decimal(self.price_usd[0]), _decimal(self.price_usd[1])),
        )


@record
class Limits:
    """The limits of a run; infinite for no limit of that kind. See `Budget`."""

    turns: float = math.inf
    tool_calls: float = math.inf
    tokens: float = math.inf
    cost_usd: Decimal = _NO_MONEY_LIMIT
    seconds: float = math.inf
    closing_answer: bool = True
    price_usd: tuple[Decimal, Decimal] | None = None

    @property
    def needs_forecast(self) -> bool:
        """Return whether a request must be counted before it is sent."""
        return self.tokens != math.inf or self.has_money_limit

    @property
    def has_money_limit(self) -> bool:
        """Return whether money is limited."""
        return self.cost_usd.is_finite()

    @property
    def working_seconds(self) -> float:
        """Return the time before the closing answer: a tenth is kept for it, at most 30 s."""
        return self.seconds - (min(self.seconds / 10, 30.0) if self.closing_answer else 0.0)

    def described(self) -> BudgetLimits:
        """Return the limits for an event; None for no limit."""
        return BudgetLimits(
            turns=None if self.turns == math.inf else int(self.turns),
            tool_calls=None if self.tool_calls == math.inf else int(self.tool_calls),
            tokens=None if self.tokens == math.inf else int(self.tokens),
            cost_usd=self.cost_usd if self.has_money_limit else None,
            seconds=None if self.seconds == math.inf else self.seconds,
        )

    def prices(self, profile: ModelProfile) -> tuple[Decimal | None, Decimal | None]:
        """Return dollars per million input and output tokens; None for what is not known."""
        return self.price_usd or (profile.input_usd_per_million, profile.output_usd_per_million)


NO_LIMITS = Limits()
"""For a part of a run that only the budgets above it limit."""


def check_price(limits: Limits, profile: ModelProfile, *, model: str) -> None:
    """Refuse a limit of money on a model whose price is not known.

    Raises:
        ConfigError: nothing could be sent without the risk to exceed the limit.
    """
    if limits.has_money_limit and None in limits.prices(profile):
        raise ConfigError(
            f"The budget limits the money (cost_usd={limits.cost_usd}), but the price of the model "
            f"{model!r} is not known. Name it: Budget(price_usd=(input, output)), in dollars per "
            "million tokens; (0, 0) for a model of your own."
        )


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _decimal(value: Decimal | float) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value))
