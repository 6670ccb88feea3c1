"""The cost of an exchange."""

from dataclasses import replace
from decimal import Decimal

from agentkit.config.profile import ModelProfile
from agentkit.model.usage_cost import with_cost
from agentkit.usage import Usage


def test_usage_is_priced_only_if_the_price_is_known() -> None:
    """The provider's own figure takes precedence."""
    profile = ModelProfile(
        family="f",
        id="i",
        input_usd_per_million=Decimal(2),
        output_usd_per_million=Decimal(6),
    )
    usage = Usage(input_tokens=500_000, output_tokens=1_000_000)

    assert with_cost(usage, profile).cost_usd == Decimal(7)
    assert with_cost(usage, ModelProfile(family="f", id="i")).cost_usd is None
    own = replace(usage, cost_usd=Decimal("0.1"))
    assert with_cost(own, profile) is own
