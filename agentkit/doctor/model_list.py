"""Read a provider's model list.

In:  the body of a models endpoint: a list of models, or one model.
Out: `ModelListing`: whether the model is listed, its context window, price and request fields.

Providers use different names for the same field; an unknown name is not guessed.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Any, TypeAlias
from urllib.parse import quote

from agentkit.model.usage_cost import MILLION
from agentkit.value import dataclass

Found: TypeAlias = Mapping[str, Any]


# The names of OpenRouter, La Plateforme, vLLM, llama.cpp, Anthropic and others for one number.
_WINDOW_FIELDS = (
    "context_length",
    "context_window",
    "max_context_length",
    "max_model_len",
    "max_input_tokens",
    "context_window_tokens",
    "n_ctx",
)
_INSIDE = ("top_provider", "meta", "limits", "capabilities", "info")
_FEW = 3
_MAX_WINDOW_TOKENS = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelListing:
    """What a models endpoint returns about one model.

    Attributes:
        path: where it was read.
        is_listed: the model's id is among those of the provider.
        close_ids: listed ids similar to the requested one, best first; all ids if there are few.
        context_window_tokens: prompt and answer together; None if not listed.
        input_usd_per_million: None if not listed.
        output_usd_per_million: None if not listed.
        fields: request fields that the provider lists as accepted; empty if it lists none.
    """

    path: str
    is_listed: bool
    close_ids: tuple[str, ...] = ()
    context_window_tokens: int | None = None
    input_usd_per_million: Decimal | None = None
    output_usd_per_million: Decimal | None = None
    fields: frozenset[str] = frozenset()


def listing_paths(base_url: str) -> tuple[str, ...]:
    """Return the paths at which a provider may list its models, the most likely first."""
    return ("/models",) if base_url.endswith("/v1") else ("/models", "/v1/models")


def model_path(path: str, model_id: str) -> str:
    """Return the path of one model at a provider that lists its models at `path`."""
    return f"{path}/{quote(model_id, safe='/')}"


def read_model_ids(body: bytes) -> Sequence[str] | None:
    """Return the ids in a model list, or None if `body` is not one."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    ids = [name for model in _models(value) for name in _names(model)[:1]]
    return list(dict.fromkeys(ids)) or None


def read_listing(body: bytes, *, model_id: str, path: str) -> ModelListing | None:
    """Return the entry of a model in `body`, or None if `body` is not a model list."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    models = list(_models(value))
    if not models:
        return None
    named = {name: model for model in reversed(models) for name in _names(model)}
    found = named.get(model_id)
    if found is None and len(models) == 1 and not isinstance(_items(value), Sequence):
        found = models[0]  # the endpoint of one model may return another id
    if found is None:
        ids = [name for model in models for name in _names(model)[:1]]
        return ModelListing(path=path, is_listed=False, close_ids=_close(model_id, ids))
    return ModelListing(
        path=path,
        is_listed=True,
        context_window_tokens=_window(found),
        input_usd_per_million=_price(found, "prompt"),
        output_usd_per_million=_price(found, "completion"),
        fields=_fields(found),
    )


def join_listings(first: ModelListing, second: ModelListing | None) -> ModelListing:
    """Return `first` with its missing values filled from `second`."""
    if second is None or not second.is_listed:
        return first
    return ModelListing(
        path=first.path,
        is_listed=True,
        context_window_tokens=first.context_window_tokens or second.context_window_tokens,
        input_usd_per_million=first_known(
            first.input_usd_per_million, second.input_usd_per_million
        ),
        output_usd_per_million=first_known(
            first.output_usd_per_million, second.output_usd_per_million
        ),
        fields=first.fields | second.fields,
    )


def first_known(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    """Return the first price that is known."""
    return other if one is None else one


def _items(value: object) -> object:
    """Return the part of the response that holds the models."""
    if isinstance(value, dict):
        return value.get("data", value.get("models"))
    return value


def _models(value: object) -> Iterator[Found]:
    """Yield the models of a list, or the single model of the response."""
    items = _items(value)
    if isinstance(items, list):
        yield from (item for item in items if isinstance(item, dict) and _names(item))
    elif isinstance(items, dict) and _names(items):
        yield items
    elif isinstance(value, dict) and _names(value) and "error" not in value:
        yield value


def _names(model: Found) -> list[str]:
    """Return the ids and aliases of a model, its own id first."""
    names = [model.get(key) for key in ("id", "model_id", "name", "canonical_slug")]
    aliases = model.get("aliases")
    names += aliases if isinstance(aliases, list) else []
    return [name for name in names if isinstance(name, str) and name]


def _close(model_id: str, ids: Sequence[str]) -> tuple[str, ...]:
    """Return similar ids, ignoring case."""
    plain = {each.casefold(): each for each in reversed(ids)}
    close = [plain[each] for each in get_close_matches(model_id.casefold(), plain, n=_FEW)]
    return tuple(close or (ids if len(ids) <= _FEW else ()))


def _window(model: Found) -> int | None:
    """Return the smallest listed window: a router may list more than the serving provider has."""
    places = [model, *(model[key] for key in _INSIDE if isinstance(model.get(key), dict))]
    windows = [
        number
        for place in places
        for name in _WINDOW_FIELDS
        if isinstance(number := place.get(name), int)
        and not isinstance(number, bool)
        and 0 < number <= _MAX_WINDOW_TOKENS
    ]
    return min(windows, default=None)


def _price(model: Found, side: str) -> Decimal | None:
    """Return dollars per million tokens, from OpenRouter's dollars per token as text."""
    pricing = model.get("pricing")
    text = pricing.get(side) if isinstance(pricing, dict) else None
    if not isinstance(text, str):
        return None
    try:
        price = Decimal(text)
    except InvalidOperation:
        return None
    # OpenRouter lists a negative price for models whose price varies.
    return price * MILLION if price.is_finite() and price >= 0 else None


def _fields(model: Found) -> frozenset[str]:
    """Return the request fields in Oxen's schema or OpenRouter's list."""
    schema = model.get("json_request_schema")
    if isinstance(schema, str):
        try:
            schema = json.loads(schema)
        except (ValueError, RecursionError):
            schema = None
    properties = schema.get("properties") if isinstance(schema, dict) else None
    supported = model.get("supported_parameters")
    named = [
        *(properties if isinstance(properties, dict) else ()),
        *(supported if isinstance(supported, list) else ()),
    ]
    return frozenset(name for name in named if isinstance(name, str))
