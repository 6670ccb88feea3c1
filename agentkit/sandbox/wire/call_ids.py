"""Ids of calls, in the forms that providers give them.

In:  what the id follows from, the ids that are taken.
Out: an id that is the same whenever the same is asked.
"""

import hashlib
import uuid
from collections.abc import Callable, Collection, Mapping

from agentkit.sandbox.wire.provider_format import IdForm

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DIGITS = "0123456789"
_HEX = "0123456789abcdef"


def mint_id(seed: str, taken: Collection[str], *, form: IdForm = "nine") -> str:
    """Return an id that follows from `seed` and is not taken, as far as the form leaves a choice.

    The form `zero` leaves none: each call has the same id, as at the provider that does so.
    """
    digest = hashlib.blake2b(seed.encode("utf-8", "replace")).digest()
    number = int.from_bytes(digest, "big")
    spell = _FORMS[form]
    while (minted := spell(number)) in taken and form != "zero":
        number += 1
    return minted


def _write(number: int, alphabet: str, length: int) -> str:
    letters = []
    for _ in range(length):
        number, digit = divmod(number, len(alphabet))
        letters.append(alphabet[digit])
    return "".join(letters)


_FORMS: Mapping[IdForm, Callable[[int], str]] = {
    "nine": lambda number: _write(number, _LETTERS, 9),
    "call": lambda number: f"call_{_write(number, _LETTERS, 24)}",
    "call_short": lambda number: f"call_{_write(number, _HEX, 8)}",
    "chatcmpl_tool": lambda number: f"chatcmpl-tool-{_write(number, _HEX, 32)}",
    "long": lambda number: _write(number, _LETTERS, 32),
    "digits": lambda number: _write(number, _DIGITS, 9),
    "toolu": lambda number: f"toolu_01{_write(number, _LETTERS, 22)}",
    "uuid": lambda number: str(uuid.UUID(int=number % 2**128)),
    "zero": lambda _: "0",
}
