"""The difference between two profiles, as a catalog table.

In:  the profiles of provider and model, before and after a diagnosis.
Out: a table for `config.user_catalog`: the changed fields, or a complete new provider.

A profile holds no key, so the table cannot hold one.
"""

from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from typing import TypeAlias

from agentkit.config.profile import Accepts, Auth, ModelProfile, ProviderProfile

Profiles: TypeAlias = tuple[ProviderProfile, ModelProfile]
Table: TypeAlias = Mapping[str, object]

# The fields that a diagnosis may change; a catalog file cannot remove a launcher.
_PROVIDER_FIELDS = ("base_url", "dialect")
_COMPLETE_FIELDS = (*_PROVIDER_FIELDS, "launcher", "is_language_model")
_CHOICE_ORDER = ("auto", "required", "any", "none", "named")


def changed_table(before: Profiles, after: Profiles) -> Table:
    """Return the table to merge over the catalog to turn `before` into `after`; may be empty."""
    table: dict[str, object] = {
        name: getattr(after[0], name)
        for name in _PROVIDER_FIELDS
        if getattr(before[0], name) != getattr(after[0], name)
    }
    accepts = _differences(before[0].accepts, after[0].accepts)
    if accepts:
        table["accepts"] = accepts
    model = _differences(before[1], after[1])
    if model:
        # With the id, since the model may not be in any catalog yet.
        table["models"] = {after[1].family: {"id": after[1].id, **model}}
    return table


def full_table(after: Profiles, *, title: str) -> Table:
    """Return a complete provider table, for a catalog that does not have it."""
    provider, model = after
    plain = ProviderProfile(name="plain", title="plain")
    table: dict[str, object] = {"title": title}
    for name in _COMPLETE_FIELDS:
        if getattr(provider, name) != getattr(plain, name):
            table[name] = getattr(provider, name)
    for name, default, own in (
        ("auth", Auth(), provider.auth),
        ("accepts", Accepts(), provider.accepts),
    ):
        found = _differences(default, own)
        if found:
            table[name] = found
    if provider.headers:
        table["headers"] = dict(provider.headers)
    unset = ModelProfile(family=model.family, id=model.id)
    table["models"] = {model.family: {"id": model.id, **_differences(unset, model)}}
    return table


def _differences(before: object, after: object) -> dict[str, object]:
    """Return the fields that differ, in the catalog's form."""
    return {
        each.name: _to_toml_value(getattr(after, each.name))
        for each in fields(after)  # type: ignore[arg-type]  # parts of profiles are dataclasses
        if getattr(before, each.name) != getattr(after, each.name)
    }


def _to_toml_value(value: object) -> object:
    """Return a value as TOML can hold it; None, which TOML lacks, becomes an empty string."""
    match value:
        case None:
            return ""
        case Decimal():
            return f"{value.normalize():f}"
        case frozenset():
            order = {name: place for place, name in enumerate(_CHOICE_ORDER)}
            return sorted(value, key=lambda name: (order.get(name, len(order)), name))
        case tuple():
            return list(value)
        case Mapping():
            return dict(value)
        case _:
            return value
