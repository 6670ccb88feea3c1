"""Read the usage of an exchange, as providers report it.

In:  a JSON answer, or a chunk of one.
Out: `Usage`, or None if the answer holds none.

Cached input tokens are part of the input tokens in this format, as in ours. An invalid count is
taken as not reported.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from agentkit.usage import Usage

_PLAIN = frozenset({"prompt_tokens", "completion_tokens", "total_tokens"})


def read_usage(value: Mapping[str, Any]) -> Usage | None:
    """Return the usage in `value`: the standard field, or Groq's `x_groq`."""
    usage = value.get("usage")
    if not isinstance(usage, dict):
        of_groq = value.get("x_groq")
        usage = of_groq.get("usage") if isinstance(of_groq, dict) else None
    if not isinstance(usage, dict) or not usage:
        return None
    if usage.keys() <= _PLAIN:  # all that many providers report
        return Usage(
            input_tokens=_count(usage, "prompt_tokens"),
            output_tokens=_count(usage, "completion_tokens"),
        )
    sent = _details(usage, "prompt_tokens_details", "input_tokens_details")
    received = _details(usage, "completion_tokens_details", "output_tokens_details")
    return Usage(
        input_tokens=_count(usage, "prompt_tokens", "input_tokens"),
        output_tokens=_count(usage, "completion_tokens", "output_tokens"),
        cache_read_tokens=_count(sent, "cached_tokens")
        or _count(usage, "prompt_cache_hit_tokens", "cached_tokens"),
        cache_write_tokens=_count(sent, "cache_write_tokens", "cache_creation_tokens"),
        reasoning_tokens=_count(received, "reasoning_tokens"),
        cost_usd=_money(usage, "cost", "estimated_cost"),
    )


def _details(usage: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    for name in names:
        details = usage.get(name)
        if isinstance(details, dict):
            return details
    return {}


def _count(usage: Mapping[str, Any], *names: str) -> int:
    """Return the first of `names` that holds a count, else 0."""
    if not usage:
        return 0
    for name in names:
        number = usage.get(name)
        if type(number) is int and number >= 0:
            return number
        if isinstance(number, float) and number.is_integer() and number >= 0:
            return int(number)
    return 0


def _money(usage: Mapping[str, Any], *names: str) -> Decimal | None:
    """Return an amount of US dollars, exactly as written."""
    for name in names:
        amount = usage.get(name)
        if isinstance(amount, bool) or not isinstance(amount, int | float | str):
            continue
        try:
            money = Decimal(str(amount))
        except InvalidOperation:
            continue
        if money.is_finite() and money >= 0:
            return money
    return None
