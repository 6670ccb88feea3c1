"""Tokens and money used by an exchange or a run.

In:  counts as providers report them.
Out: `Usage`, which can be added.
"""

from collections.abc import Sequence
from decimal import Decimal

from agentkit.value import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens and money used.

    Attributes:
        input_tokens: tokens of everything sent, cached ones included.
        output_tokens: tokens of everything received, reasoning included.
        cache_read_tokens: input tokens the provider read from its cache.
        cache_write_tokens: input tokens the provider wrote to its cache.
        reasoning_tokens: output tokens spent on reasoning.
        cost_usd: price in US dollars; None if it is not known.
        is_estimate: at least one figure is an estimate, not reported by the provider.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: Decimal | None = None
    is_estimate: bool = False

    @property
    def total_tokens(self) -> int:
        """Return input and output tokens together."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: "Usage") -> "Usage":
        if other is NO_USAGE:
            return self
        if self is NO_USAGE:
            return other
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            cost_usd=_add_costs(self.cost_usd, other.cost_usd),
            is_estimate=self.is_estimate or other.is_estimate,
        )


NO_USAGE = Usage()
"""No usage; adding it returns the other operand."""


def total_usage(usages: Sequence[Usage]) -> Usage:
    """Return the sum; the same as adding one to the other, and faster."""
    if len(usages) < 2:
        return usages[0] if usages else NO_USAGE
    costs = [one.cost_usd for one in usages if one.cost_usd is not None]
    return Usage(
        input_tokens=sum([one.input_tokens for one in usages]),
        output_tokens=sum([one.output_tokens for one in usages]),
        cache_read_tokens=sum([one.cache_read_tokens for one in usages]),
        cache_write_tokens=sum([one.cache_write_tokens for one in usages]),
        reasoning_tokens=sum([one.reasoning_tokens for one in usages]),
        cost_usd=sum(costs, Decimal(0)) if costs else None,
        is_estimate=any(one.is_estimate for one in usages),
    )


def _add_costs(first: Decimal | None, second: Decimal | None) -> Decimal | None:
    """Add the known costs; None only if neither is known."""
    if first is None:
        return second
    return first if second is None else first + second
