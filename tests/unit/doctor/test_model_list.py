"""The model lists of many providers."""

import json
from decimal import Decimal
from typing import Any

import pytest

from agentkit.doctor.model_list import (
    ModelListing,
    join_listings,
    listing_paths,
    model_path,
    read_listing,
)


def read(value: Any, model_id: str = "m") -> ModelListing | None:
    """Read a body that is JSON."""
    return read_listing(json.dumps(value).encode(), model_id=model_id, path="/models")


WINDOWS = {
    "OpenRouter": {"id": "m", "context_length": 7},
    "La Plateforme": {"id": "m", "max_context_length": 7},
    "vLLM": {"id": "m", "max_model_len": 7},
    "llama.cpp": {"id": "m", "meta": {"n_ctx": 7}},
    "the narrower of two": {"id": "m", "context_length": 9, "top_provider": {"context_length": 7}},
    "an alias": {"id": "other", "aliases": ["m"], "context_window": 7},
    "a name": {"name": "m", "context_window": 7},
}


@pytest.mark.parametrize("model", WINDOWS.values(), ids=WINDOWS)
def test_the_context_window_is_read_under_the_name_of_each_provider(model: dict[str, Any]) -> None:
    """All of them mean prompt and answer together."""
    listing = read({"object": "list", "data": [{"id": "x", "context_length": 1}, model]})

    assert listing == ModelListing(path="/models", is_listed=True, context_window_tokens=7)


@pytest.mark.parametrize("number", [True, 0, -1, "7", 7.5, None, 10**12], ids=repr)
def test_an_invalid_window_is_ignored(number: object) -> None:
    """A wrong profile is worse than none."""
    listing = read({"data": [{"id": "m", "context_length": number}]})

    assert listing == ModelListing(path="/models", is_listed=True)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[" * 100_000,
        b"3",
        b"{}",
        b'{"data":[]}',
        b'{"data":[{}]}',
        b'{"data":[3]}',
        b'{"error":"no","name":"m"}',
    ],
    ids=lambda body: body[:20].decode(),
)
def test_a_body_without_models_is_no_list(body: bytes) -> None:
    """For any content."""
    assert read_listing(body, model_id="m", path="/models") is None


@pytest.mark.parametrize(
    "value",
    [{"id": "m", "context_length": 7}, {"data": {"id": "m", "context_length": 7}}],
    ids=["plain", "in data"],
)
def test_the_endpoint_of_one_model_is_read(value: object) -> None:
    """Both forms occur."""
    assert read(value) == ModelListing(path="/models", is_listed=True, context_window_tokens=7)


def test_the_endpoint_of_one_model_may_return_another_id() -> None:
    """It was requested by its id."""
    assert read({"id": "vendor/m", "context_length": 7}, "m") == ModelListing(
        path="/models", is_listed=True, context_window_tokens=7
    )


def test_a_list_under_another_key_is_found() -> None:
    """Some providers return a plain list, some use `models`."""
    assert read([{"id": "m"}]) == ModelListing(path="/models", is_listed=True)
    assert read({"models": [{"id": "m"}]}) == ModelListing(path="/models", is_listed=True)


def test_a_list_with_one_other_model_does_not_match() -> None:
    """Only the endpoint of one model may."""
    listing = read(
        {"data": [{"id": "mixtral-8x22B-Instruct", "context_length": 7}]}, "Mixtral-8x22b"
    )

    assert listing == ModelListing(
        path="/models", is_listed=False, close_ids=("mixtral-8x22B-Instruct",)
    )


PRICES = {
    "dollars for a token": ({"prompt": "0.0000009", "completion": "0"}, Decimal("0.9"), Decimal(0)),
    "it depends": ({"prompt": "-1", "completion": "-1"}, None, None),
    "numbers of an unknown unit": ({"prompt": 2, "completion": 6.0}, None, None),
    "words": ({"prompt": "cheap", "completion": "NaN"}, None, None),
    "other names": ({"input": "2", "output": "6"}, None, None),
    "no table": ("free", None, None),
}


@pytest.mark.parametrize(("pricing", "sent", "received"), PRICES.values(), ids=PRICES)
def test_a_price_is_read_if_its_unit_is_known(
    pricing: object, sent: Decimal | None, received: Decimal | None
) -> None:
    """Never guessed."""
    listing = read({"data": [{"id": "m", "pricing": pricing}]})

    assert listing is not None
    assert listing.input_usd_per_million == sent
    assert listing.output_usd_per_million == received


SCHEMAS = {
    "an object": {"properties": {"tools": {}, "max_tokens": {}}},
    "a text": '{"properties": {"tools": {}, "max_tokens": {}}}',
}


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_the_fields_of_a_request_schema_are_listed(schema: object) -> None:
    """Oxen has one with each model."""
    listing = read({"id": "m", "json_request_schema": schema})

    assert listing is not None
    assert listing.fields == {"tools", "max_tokens"}


@pytest.mark.parametrize("schema", ["{", 3, {"properties": []}, None], ids=repr)
def test_an_invalid_schema_lists_no_fields(schema: object) -> None:
    """Nor does a list without names."""
    listing = read({"id": "m", "json_request_schema": schema, "supported_parameters": [3, {}]})

    assert listing is not None
    assert listing.fields == frozenset()


def test_missing_values_are_filled_from_a_second_response() -> None:
    """Values of the first one stay."""
    first = ModelListing(
        path="/models", is_listed=False, close_ids=("a",), input_usd_per_million=Decimal(0)
    )
    second = ModelListing(
        path="/models/m",
        is_listed=True,
        context_window_tokens=5,
        input_usd_per_million=Decimal(2),
        output_usd_per_million=Decimal(6),
        fields=frozenset({"tools"}),
    )

    assert join_listings(first, second) == ModelListing(
        path="/models",
        is_listed=True,
        context_window_tokens=5,
        input_usd_per_million=Decimal(0),
        output_usd_per_million=Decimal(6),
        fields=frozenset({"tools"}),
    )
    assert join_listings(first, None) is first
    assert join_listings(second, first) is second


def test_models_are_requested_next_to_the_chat_endpoint_and_at_v1() -> None:
    """A base URL that ends with /v1 has only one such path."""
    assert listing_paths("https://h/api") == ("/models", "/v1/models")
    assert listing_paths("https://h/v1") == ("/models",)
    assert model_path("/models", "vendor/m:free x") == "/models/vendor/m%3Afree%20x"
