"""`agentkit providers`: which providers are known.

In:  the catalog and the environment.
Out: a table, or JSON. No key is ever shown, only whether it is set.
"""

import json
from collections.abc import Mapping
from decimal import Decimal

from rich.table import Table

from agentkit.cli.exit_codes import OK
from agentkit.cli.terminal import note, show_table, write_json
from agentkit.config.load import default_model, find_key, read_catalog
from agentkit.config.profile import ModelProfile, ProviderProfile


def list_providers(*, as_json: bool) -> int:
    """Print the known providers.

    Raises:
        ConfigError: a catalog of the user's own is not right.
    """
    catalog = read_catalog()
    if as_json:
        facts = [_facts(provider) for provider in catalog.values()]
        write_json(json.dumps(facts, indent=2))
        return OK
    table = Table(
        "Provider",
        "Key",
        "Model",
        "Id there",
        "Context",
        "$ per 1M in/out",
        box=None,
        pad_edge=False,
    )
    for provider in catalog.values():
        _add_rows(table, provider)
    show_table(table)
    name, why = default_model()
    note(f"Without --model: {name} ({why}).", style="dim")
    return OK


def _add_rows(table: Table, provider: ProviderProfile) -> None:
    name, key = provider.name, _key_state(provider)
    if not provider.models:
        table.add_row(name, key, "any")
    for model in provider.models:
        context = model.context_window_tokens
        table.add_row(
            name, key, model.family, model.id, f"{context:,}" if context else "", _price(model)
        )
        name = key = ""


def _key_state(provider: ProviderProfile) -> str:
    auth = provider.auth
    if auth.kind == "none":
        return "not needed"
    if find_key(provider) is not None:
        return "set"
    names = " or ".join(auth.env)
    return f"not set: {names}" if auth.is_required else "not needed"


def _price(model: ModelProfile) -> str:
    prices = (model.input_usd_per_million, model.output_usd_per_million)
    if prices == (None, None):
        return ""
    return " / ".join("?" if price is None else f"{price.normalize():f}" for price in prices)


def _facts(provider: ProviderProfile) -> Mapping[str, object]:
    return {
        "name": provider.name,
        "title": provider.title,
        "base_url": provider.base_url,
        "dialect": provider.dialect,
        "key_variables": list(provider.auth.env),
        "key_url": provider.auth.url,
        "key_is_set": find_key(provider) is not None,
        "key_is_required": provider.auth.is_required and provider.auth.kind != "none",
        "is_language_model": provider.is_language_model,
        "notes": provider.notes,
        "models": [
            {
                "family": model.family,
                "id": model.id,
                "context_window_tokens": model.context_window_tokens,
                "input_usd_per_million": _number(model.input_usd_per_million),
                "output_usd_per_million": _number(model.output_usd_per_million),
            }
            for model in provider.models
        ],
    }


def _number(price: Decimal | None) -> float | None:
    return None if price is None else float(price)
