"""List the public API: each public name with its module and signature, as JSON.

In:  an installed `agentkit`, or one on the import path.
Out: JSON on standard output: for each name in the `__all__` of `agentkit` and of its public
     submodules its module, its kind, its signature, and those of its public members.

    python scripts/public_api.py > tests/public_api.json

The output depends on the names and annotations in the source only, so that two versions can be
compared.
"""

import inspect
import json
import sys
import types
import typing
from collections.abc import Mapping
from importlib import import_module

SUBMODULES = (
    "agent", "durable", "errors", "event", "hooks", "json_schema", "log", "mcp", "model", "service",
    "session", "testing", "tools", "tools.rules",
    "telemetry.explain", "telemetry.otel", "telemetry.prometheus",
)  # fmt: skip
"""The public submodules of `agentkit`."""


def main() -> None:
    """Write the API of the package; a name in several modules counts for the first."""
    found: dict[str, Mapping[str, object]] = {}
    for module in ("agentkit", *(f"agentkit.{name}" for name in SUBMODULES)):
        package = import_module(module)
        for name in package.__all__:
            if name not in found:
                found[name] = {"module": module, **describe(getattr(package, name))}
    found = dict(sorted(found.items()))
    sys.stdout.write(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def describe(found: object) -> Mapping[str, object]:
    """Return kind, signature and members of a public object."""
    if isinstance(found, type):
        return {"kind": "class", "signature": signature_of(found), "members": members_of(found)}
    if isinstance(found, types.UnionType) or typing.get_origin(found) is typing.Union:
        return {"kind": "union", "members": sorted(map(name_of, typing.get_args(found)))}
    if typing.get_origin(found) is typing.Literal:
        return {"kind": "literal", "members": sorted(map(str, typing.get_args(found)))}
    if callable(found):
        return {"kind": "function", "signature": signature_of(found)}
    return {"kind": type(found).__name__, "value": name_of(found)}


def members_of(found: type) -> Mapping[str, str]:
    """Return the public attributes of a class with their signatures, inherited ones included."""
    fields = {
        name: "attribute"
        for base in reversed(found.__mro__[:-1])
        for name in inspect.get_annotations(base)
        if not name.startswith("_")
    }
    plain = dict if typing.is_typeddict(found) else object
    for name in dir(found):
        if name.startswith("_") or hasattr(plain, name) or name in fields:
            continue
        member = inspect.getattr_static(found, name)
        if isinstance(member, property):
            fields[name] = "property"
        elif callable(getattr(found, name)):
            fields[name] = signature_of(getattr(found, name))
        else:
            fields[name] = "attribute"
    return dict(sorted(fields.items()))


def signature_of(found: object) -> str:
    """Return the parameters of a callable as `name`, `name=…`, `*` and `/`, without types."""
    try:
        signature = inspect.signature(typing.cast(typing.Any, found))
    except (TypeError, ValueError):
        return "(…)"
    plain = [
        one.replace(
            annotation=inspect.Parameter.empty,
            default=one.default if one.default is inspect.Parameter.empty else Ellipsis,
        )
        for one in signature.parameters.values()
        if one.name not in ("self", "cls") and not one.name.startswith("_")
    ]
    text = str(inspect.Signature(plain))
    return text.replace("Ellipsis", "…")


def name_of(found: object) -> str:
    """Return a short name of a type or value."""
    return getattr(found, "__name__", None) or str(found)


if __name__ == "__main__":
    main()
