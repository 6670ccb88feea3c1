"""Tell what changed in a profile, in the form of a catalog.

In:  a host's and a model's profile as they were, and as they were seen to be.
Out: a table for `config.user_catalog`: only what differs, or a whole new host.

No key is in a profile, so none can be in the table.
"""

from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from typing import TypeAlias

from agentkit.config.profile import Accepts, Auth, ModelProfile, ProviderProfile

Profiles: TypeAlias = tuple[ProviderProfile, ModelProfile]
Table: TypeAlias = Mapping[str, object]

# What a diagnosis may find to be different; a launcher could not be unsaid in a file.
_HOST_FIELDS = ("base_url", "dialect")
_WHOLE_FIELDS = (*_HOST_FIELDS, "launcher", "is_language_model")
_CHOICE_ORDER = ("auto", "required", "any", "none", "named")


def changed_table(before: Profiles, after: Profiles) -> Table:
    """Return what to lay over the catalog so that `before` becomes `after`; empty if nothing."""
    table: dict[str, object] = {
        name: getattr(after[0], name)
        for name in _HOST_FIELDS
        if getattr(before[0], name) != getattr(after[0], name)
    }
    accepts = _differences(before[0].accepts, after[0].accepts)
    if accepts:
        table["accepts"] = accepts
    model = _differences(before[1], after[1])
    if model:
        # The id belongs to it: the model may be in no catalog yet.
        table["models"] = {after[1].family: {"id": after[1].id, **model}}
    return table


def full_table(after: Profiles, *, title: str) -> Table:
    """Return all of a host, for a catalog that does not have it."""
    provider, model = after
    plain = ProviderProfile(name="plain", title="plain")
    table: dict[str, object] = {"title": title}
    for name in _WHOLE_FIELDS:
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
    bare = ModelProfile(family=model.family, id=model.id)
    table["models"] = {model.family: {"id": model.id, **_differences(bare, model)}}
    return table


def _differences(before: object, after: object) -> dict[str, object]:
    """Return the fields of a profile's part that differ, as a catalog writes them."""
    return {
        each.name: _spell(getattr(after, each.name))
        for each in fields(after)  # type: ignore[arg-type]  # parts of profiles are dataclasses
        if getattr(before, each.name) != getattr(after, each.name)
    }


def _spell(value: object) -> object:
    """Return a value as TOML has it; None, which TOML has not, is the empty text."""
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
