"""What a diagnosis finds of addresses, names, ids and models, and writes down."""

from decimal import Decimal
from typing import Any

import pytest

from agentkit.doctor.findings import find_all
from agentkit.doctor.profile_diff import changed_table
from agentkit.doctor.run_probes import diagnose
from tests.integration.doctor_run import PLAIN, QUICK, diagnosed, resolve
from tests.integration.doctor_server import OddProvider, Traits, running


async def test_an_address_without_its_last_part_is_completed() -> None:
    """A user often leaves out /v1."""
    host = OddProvider()
    async with running(host) as url:
        resolved = resolve(url.removesuffix("/v1"))
        report = await diagnose(resolved, settings=QUICK)

    assert report.profiles[0].base_url == url
    assert report.stopped == ""
    assert all(each.verdict != "no" for each in find_all(report.diagnosis))
    table = changed_table((resolved.provider, resolved.model), report.profiles)
    assert table["base_url"] == url


async def test_the_other_name_of_the_token_limit_is_found() -> None:
    """Newer hosts know only the newer name."""
    host = OddProvider(Traits(limit="max_completion_tokens"))

    report, findings, table = await diagnosed(host)

    assert report.profiles[0].accepts.max_tokens_field == "max_completion_tokens"
    accepts = table["accepts"]
    assert isinstance(accepts, dict)
    assert accepts["max_tokens_field"] == "max_completion_tokens"
    assert findings["chat"].verdict == "yes"
    assert all("max_tokens" not in body for body in host.bodies[1:])


async def test_ids_are_described_and_taken_back() -> None:
    """A Mistral model has its ids rewritten anyway; that long ones fail is said."""
    host = OddProvider(Traits(only_nine=True, id_length=30))

    _, findings, table = await diagnosed(host)

    assert findings["ids it makes"].seen == "30 characters, other signs too"
    assert findings["results of calls"].verdict == "yes"
    assert findings["long ids"].verdict == "no"
    assert "models" not in table


async def test_a_model_that_needs_nine_characters_gets_the_rules_for_it() -> None:
    """Its name does not tell that it is of the family; its refusal does."""
    host = OddProvider(Traits(only_nine=True))

    report, findings, table = await diagnosed(host, PLAIN)

    assert report.profiles[1].rules == "mistral"
    assert table["models"] == {"qwen": {"id": "qwen", "rules": "mistral"}}
    assert findings["results of calls"].verdict == "yes"


LISTINGS = {
    "OpenRouter": (
        {
            "data": [
                {"id": "other/model", "context_length": 1},
                {
                    "id": "mixtral-8x22b",
                    "context_length": 65536,
                    "pricing": {"prompt": "0.000002", "completion": "0.000006"},
                    "supported_parameters": ["tools", "tool_choice"],
                    "top_provider": {"context_length": 60000},
                },
            ]
        },
        None,
    ),
    "Oxen": (
        {"object": "list", "data": [{"id": "mixtral-8x22b", "object": "model"}]},
        {
            "id": "mixtral-8x22b",
            "max_context_length": 60000,
            "json_request_schema": {"properties": {"max_tokens": {}, "tools": {}}},
        },
    ),
}


@pytest.mark.parametrize(("listing", "one"), LISTINGS.values(), ids=LISTINGS)
async def test_the_models_endpoint_tells_window_and_price(listing: Any, one: Any) -> None:
    """What the host says of itself comes before what the catalog has."""
    host = OddProvider(Traits(listing=listing, one_model=one))

    report, findings, table = await diagnosed(host)

    models = table["models"]
    assert isinstance(models, dict)
    assert models["mixtral-8x22b"]["context_window_tokens"] == 60000
    assert findings["context window"].seen == "60,000 tokens"
    assert "tools" in findings["model is listed"].seen
    if one is None:
        assert models["mixtral-8x22b"]["input_usd_per_million"] == "2"
        price = Decimal(report.usage.input_tokens * 2 + report.usage.output_tokens * 6)
        assert report.usage.cost_usd == price / 1_000_000


async def test_an_id_that_is_not_listed_is_named_with_those_that_are() -> None:
    """The host answers all the same; that is no problem."""
    listing = {"data": [{"id": "Mixtral-8x22B-v1"}, {"id": "gpt"}]}

    _, findings, _ = await diagnosed(OddProvider(Traits(listing=listing)))

    assert findings["model is listed"].verdict == "no"
    assert "'Mixtral-8x22B-v1'" in findings["model is listed"].seen
    assert findings["model is listed"].advice == ""
