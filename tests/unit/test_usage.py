"""Usage of several exchanges can be added."""

from decimal import Decimal

from agentkit.usage import Usage


def test_a_sum_of_usages_keeps_unknown_costs_and_estimates_apart() -> None:
    """An unknown cost is not zero, and a sum with an estimate is an estimate."""
    known = Usage(input_tokens=1, output_tokens=2, cost_usd=Decimal("0.5"))
    unknown = Usage(
        input_tokens=10,
        output_tokens=20,
        cache_read_tokens=3,
        cache_write_tokens=4,
        reasoning_tokens=5,
        is_estimate=True,
    )

    assert known + unknown == Usage(
        input_tokens=11,
        output_tokens=22,
        cache_read_tokens=3,
        cache_write_tokens=4,
        reasoning_tokens=5,
        cost_usd=Decimal("0.5"),
        is_estimate=True,
    )
    assert (unknown + known).cost_usd == Decimal("0.5")
    assert (unknown + unknown).cost_usd is None
    assert (known + known).cost_usd == Decimal("1.0")
    assert (known + unknown).total_tokens == 33
