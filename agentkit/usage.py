"""Tokens and money used by an exchange or a run.

In:  counts as providers report them.
Out: `Usage`, which can be added.
"""

from decimal import Decimal

from agentkit.value import dataclass, maker


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
        return _new_usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            cost_usd=_add_costs(self.cost_usd, other.cost_usd),
            is_estimate=self.is_estimate or other.is_estimate,
        )


_new_usage = maker(Usage)


NO_USAGE = Usage()
"""No usage; adding it returns the other operand."""


def _add_costs(first: Decimal | None, second: Decimal | None) -> Decimal | None:
    """Add the known costs; None only if neither is known."""
    if first is None:
        return second
    return first if second is None else first + second
