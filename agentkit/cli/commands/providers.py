"""`agentkit providers`: the known providers.

In:  the catalog, the environment, the stored keys.
Out: a table, or JSON. A key is never shown, only whether there is one.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from rich.table import Table

from agentkit.cli.exit_codes import OK
from agentkit.cli.terminal import note, show_table, write_json
from agentkit.config.load import default_model, find_key_source, read_catalog
from agentkit.config.profile import ModelProfile, ProviderProfile


def list_providers(*, as_json: bool) -> int:
    """Print the known providers.

    Raises:
        ConfigError: a catalog of the user's own is not right.
    """
    catalog = read_catalog()
    if as_json:
        write_json(json.dumps([_facts(provider) for provider in catalog.values()], indent=2))
        return OK
    rows = [(each.name, _key_state(each), _models(each)) for each in catalog.values()]
    # On a narrow terminal names stay complete, and the models are left to `agentkit models`.
    show_table(*(_table(rows, columns=columns) for columns in (_COLUMNS, _COLUMNS[:2])))
    name, why = default_model()
    note(f"Without --model: {name} ({why}). Set a key: agentkit keys set PROVIDER.", style="dim")
    return OK


_COLUMNS = ("Provider", "Key", "Models")


def _table(rows: Iterable[Sequence[str]], *, columns: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row[: len(columns)])
    return table


def model_facts(model: ModelProfile) -> Mapping[str, object]:
    """Return what is known about a model of the catalog."""
    return {
        "family": model.family,
        "id": model.id,
        "context_window_tokens": model.context_window_tokens,
        "reasoning": model.reasoning,
        "input_usd_per_million": _number(model.input_usd_per_million),
        "output_usd_per_million": _number(model.output_usd_per_million),
    }


def _key_state(provider: ProviderProfile) -> str:
    auth = provider.auth
    if auth.kind == "none":
        return "not needed"
    source = find_key_source(provider)
    if source:
        return f"set: {source}"
    names = " or ".join(auth.env)
    return f"not set: {names}" if auth.is_required else "not needed"


def _models(provider: ProviderProfile) -> str:
    return ", ".join(model.family for model in provider.models) or "any"


def _facts(provider: ProviderProfile) -> Mapping[str, object]:
    source = find_key_source(provider)
    return {
        "name": provider.name,
        "title": provider.title,
        "base_url": provider.base_url,
        "dialect": provider.dialect,
        "key_variables": list(provider.auth.env),
        "key_url": provider.auth.url,
        "key_is_set": bool(source),
        "key_source": source or None,
        "key_is_required": provider.auth.is_required and provider.auth.kind != "none",
        "is_language_model": provider.is_language_model,
        "notes": provider.notes,
        "models": [model_facts(model) for model in provider.models],
    }


def _number(price: Decimal | None) -> float | None:
    return None if price is None else float(price)
