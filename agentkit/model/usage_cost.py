"""Complete the usage of an exchange: an estimate if none was reported, and the cost.

In:  a request, its response, the profile of the model.
Out: `Usage`.
"""

from dataclasses import replace
from decimal import Decimal

from agentkit.chat import ModelRequest, ModelResponse
from agentkit.config.profile import ModelProfile
from agentkit.model.model import new_counter
from agentkit.model.token_estimate import estimate_tokens
from agentkit.usage import Usage

MILLION = 1_000_000


def estimate_usage(request: ModelRequest, response: ModelResponse, model: ModelProfile) -> Usage:
    """Return an own count for an exchange without reported usage, marked as an estimate."""
    counter = new_counter(model)
    said = [response.message.text, response.message.reasoning]
    said += [f"{call.name}{call.arguments}" for call in response.message.tool_calls]
    return Usage(
        input_tokens=counter.count(request),
        output_tokens=sum(map(estimate_tokens, said)),
        is_estimate=True,
    )


def with_cost(usage: Usage, model: ModelProfile) -> Usage:
    """Return `usage` with its cost: the provider's own, else tokens times the catalog's price."""
    if usage.cost_usd is not None:
        return usage
    if model.input_usd_per_million is None or model.output_usd_per_million is None:
        return usage
    cost = (
        usage.input_tokens * model.input_usd_per_million
        + usage.output_tokens * model.output_usd_per_million
    ) / Decimal(MILLION)
    return replace(usage, cost_usd=cost)
