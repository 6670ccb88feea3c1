"""Tool names in the alphabet of a host, and back.

In:  our names, `[A-Za-z0-9_.-]{1,128}`, or whatever a stored conversation holds.
Out: names that every host takes, `[a-zA-Z0-9_-]{1,64}`, and the way back.

A name that fits stays as it is. One that does not is made of what fits of it and a digest of the
whole, so that it is the same in every turn and on every machine, whatever else is offered.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping

from agentkit.errors import UnsupportedError

MAX_CHARS = 64
_FITTING = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_OTHER = re.compile(r"[^a-zA-Z0-9_-]+")
_DIGEST_CHARS = 10


def wire_name(name: str) -> str:
    """Return the name a host sees for our `name`; equal names give equal names."""
    if _FITTING.fullmatch(name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:_DIGEST_CHARS]
    readable = _OTHER.sub("_", name)[: MAX_CHARS - _DIGEST_CHARS - 1]
    return f"{readable}_{digest}"


def changed_names(names: Iterable[str]) -> Mapping[str, str]:
    """Return wire name to our name, for those of `names` that have to change.

    Raises:
        UnsupportedError: two of the names look the same to the host.
    """
    owners: dict[str, str] = {}
    for name in names:
        wire = wire_name(name)
        if owners.setdefault(wire, name) != name:
            raise UnsupportedError(
                f"The tools {owners[wire]!r} and {name!r} would both be called {wire!r} on this "
                "host; rename one of them."
            )
    return {wire: name for wire, name in owners.items() if wire != name}
