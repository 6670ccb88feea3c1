"""Encode tool names for a provider, and decode the names that come back.

In:  our names, `[A-Za-z0-9_.-]{1,128}`, or whatever a stored conversation holds.
Out: names that every provider accepts, `[a-zA-Z0-9_-]{1,64}` (the pattern of OpenAI's API), and our
     name for one that came back, even if a model or a provider wrapped it.

A name that fits stays as it is. Any other becomes its fitting characters and a digest of the full
name, so that it is the same in every turn and on every machine, whatever else is offered.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from agentkit.errors import UnsupportedError

MAX_CHARS = 64
_FITTING = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_OTHER = re.compile(r"[^a-zA-Z0-9_-]+")
_DIGEST_CHARS = 10
_MAX_WRAPPED_CHARS = 300
# Special tokens, empty parentheses and the index of the call (Kimi), after a name; never arguments.
_TAIL = re.compile(r"(?:<\|[^{}]*|</s>|\[ARGS\]|\(\)|:\d{0,4})\Z")
_MARKER = re.compile(r"\s*(?:\[TOOL_CALLS?\]|<\|?tool_calls?\|?>)", re.IGNORECASE)
_QUOTES = "\"'`<> \t\r\n"
_NAMESPACE = re.compile(r"\.|::|:|/|__")
_WORDS = re.compile(r"[^_-]+[_-]+[^_-]+")


def wire_name(name: str) -> str:
    """Return the name a provider sees for our `name`; equal names give equal names."""
    if _FITTING.fullmatch(name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:_DIGEST_CHARS]
    readable = _OTHER.sub("_", name)[: MAX_CHARS - _DIGEST_CHARS - 1]
    return f"{readable}_{digest}"


def changed_names(names: Iterable[str]) -> Mapping[str, str]:
    """Return wire name to our name, for those of `names` that have to change.

    Raises:
        UnsupportedError: two of the names look the same to the provider.
    """
    owners: dict[str, str] = {}
    for name in names:
        wire = wire_name(name)
        if owners.setdefault(wire, name) != name:
            raise UnsupportedError(
                f"The tools {owners[wire]!r} and {name!r} would both be named {wire!r} for this "
                "provider; rename one of them."
            )
    return {wire: name for wire, name in owners.items() if wire != name}


def unwrap_name(name: str, offered: AbstractSet[str]) -> str | None:
    """Return the one offered name that `name` means, or None; never the most similar one.

    What providers and models put around a name is removed: white space, quotes and backslashes,
    special tokens, `()`, a namespace before it (`functions.` of Kimi and Harmony, `server__` of MCP
    clients). A missing namespace is restored if only one offered name ends with `name`. A single
    `_` counts as the end of a namespace only before a name of several words: `order` is not
    `cancel_order`.
    """
    if name in offered:
        return name
    if len(name) > _MAX_WRAPPED_CHARS:
        return None
    plain = _MARKER.sub("", name.replace("\\", ""), count=1).strip()
    plain = _TAIL.sub("", plain).strip(_QUOTES)
    if not plain:
        return None
    ends = (plain[end.end() :].strip() for end in _NAMESPACE.finditer(plain))
    found = next((reading for reading in (plain, *ends) if reading in offered), None)
    return found or _only_ending(plain, offered)


def _only_ending(name: str, offered: AbstractSet[str]) -> str | None:
    """Return the only offered name that consists of a namespace and `name`."""
    joints = [".", "__", ":", "/"]
    if _WORDS.match(name):
        joints += ["_", "-"]
    ending = tuple(f"{joint}{name}" for joint in joints)
    found = [offer for offer in offered if offer.endswith(ending)]
    return found[0] if len(found) == 1 else None
