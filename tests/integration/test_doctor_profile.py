"""Findings about addresses, field names, ids and models, and the changed profile."""

from decimal import Decimal
from typing import Any

import pytest

from agentkit.doctor.findings import find_all
from agentkit.doctor.profile_diff import changed_table
from agentkit.doctor.run_probes import diagnose
from tests.integration.doctor_run import PLAIN, QUICK, diagnosed, resolve
from tests.integration.doctor_server import OddProvider, Traits, running


async def test_a_base_url_without_v1_is_completed() -> None:
    """Users often leave out /v1."""
    server = OddProvider()
    async with running(server) as url:
        resolved = resolve(url.removesuffix("/v1"))
        report = await diagnose(resolved, settings=QUICK)

    assert report.profiles[0].base_url == url
    assert report.stopped == ""
    assert all(each.verdict != "no" for each in find_all(report.diagnosis))
    table = changed_table((resolved.provider, resolved.model), report.profiles)
    assert table["base_url"] == url


async def test_the_other_name_of_the_token_limit_is_found() -> None:
    """Newer providers accept only the newer name."""
    server = OddProvider(Traits(limit="max_completion_tokens"))

    report, findings, table = await diagnosed(server)

    assert report.profiles[0].accepts.max_tokens_field == "max_completion_tokens"
    accepts = table["accepts"]
    assert isinstance(accepts, dict)
    assert accepts["max_tokens_field"] == "max_completion_tokens"
    assert findings["chat"].verdict == "yes"
    assert all("max_tokens" not in body for body in server.bodies[1:])


async def test_ids_are_described_and_sent_back() -> None:
    """The ids of a Mistral model are rewritten anyway; a rejected long id is reported."""
    server = OddProvider(Traits(only_nine=True, id_length=30))

    _, findings, table = await diagnosed(server)

    assert findings["ids of calls"].seen == "30 characters, other characters too"
    assert findings["results of calls"].verdict == "yes"
    assert findings["long ids"].verdict == "no"
    assert "models" not in table


async def test_a_model_that_needs_nine_character_ids_gets_the_mistral_rules() -> None:
    """Its name does not show its family; the rejection does."""
    server = OddProvider(Traits(only_nine=True))

    report, findings, table = await diagnosed(server, PLAIN)

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
async def test_window_and_price_come_from_the_models_endpoint(listing: Any, one: Any) -> None:
    """The provider's values override the catalog's."""
    server = OddProvider(Traits(listing=listing, one_model=one))

    report, findings, table = await diagnosed(server)

    models = table["models"]
    assert isinstance(models, dict)
    assert models["mixtral-8x22b"]["context_window_tokens"] == 60000
    # What was known before is the context window of the weights.
    assert findings["context window"].seen == "60,000 tokens; the profile had 65,536"
    assert "tools" in findings["model is listed"].seen
    if one is None:
        assert models["mixtral-8x22b"]["input_usd_per_million"] == "2"
        price = Decimal(report.usage.input_tokens * 2 + report.usage.output_tokens * 6)
        assert report.usage.cost_usd == price / 1_000_000


async def test_an_unlisted_id_is_reported_with_similar_ids() -> None:
    """The provider answers anyway, so this does not count as a problem."""
    listing = {"data": [{"id": "Mixtral-8x22B-v1"}, {"id": "gpt"}]}

    _, findings, _ = await diagnosed(OddProvider(Traits(listing=listing)))

    assert findings["model is listed"].verdict == "no"
    assert "'Mixtral-8x22B-v1'" in findings["model is listed"].seen
    assert findings["model is listed"].advice == ""
