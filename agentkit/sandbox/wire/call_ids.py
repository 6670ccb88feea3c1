"""Ids of calls, in the formats of the providers.

In:  the text that the id is derived from, the ids that are taken.
Out: an id that is the same for the same request.
"""

import hashlib
import uuid
from collections.abc import Callable, Collection, Mapping

from agentkit.sandbox.wire.provider_format import IdFormat

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DIGITS = "0123456789"
_HEX = "0123456789abcdef"


def derive_id(seed: str, taken: Collection[str], *, form: IdFormat = "nine") -> str:
    """Return an id that is derived from `seed` and is not taken.

    In the format `zero`, which TGI has, every call has the same id.
    """
    digest = hashlib.blake2b(seed.encode("utf-8", "replace")).digest()
    number = int.from_bytes(digest, "big")
    encode = _FORMATS[form]
    while (derived := encode(number)) in taken and form != "zero":
        number += 1
    return derived


def _in_alphabet(number: int, alphabet: str, length: int) -> str:
    letters = []
    for _ in range(length):
        number, digit = divmod(number, len(alphabet))
        letters.append(alphabet[digit])
    return "".join(letters)


_FORMATS: Mapping[IdFormat, Callable[[int], str]] = {
    "nine": lambda number: _in_alphabet(number, _LETTERS, 9),
    "call": lambda number: f"call_{_in_alphabet(number, _LETTERS, 24)}",
    "call_short": lambda number: f"call_{_in_alphabet(number, _HEX, 8)}",
    "chatcmpl_tool": lambda number: f"chatcmpl-tool-{_in_alphabet(number, _HEX, 32)}",
    "long": lambda number: _in_alphabet(number, _LETTERS, 32),
    "digits": lambda number: _in_alphabet(number, _DIGITS, 9),
    "toolu": lambda number: f"toolu_01{_in_alphabet(number, _LETTERS, 22)}",
    "uuid": lambda number: str(uuid.UUID(int=number % 2**128)),
    "zero": lambda _: "0",
}
