"""Words as the planner compares them.

In:  text in plain English, names of tools and parameters.
Out: stems, without the words that say nothing; a few general synonyms.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

_STOP_WORDS = """
a about after all also am an and any are as at be because been before being between both but by
can could did do does doing e each eg etc for from g get gets give given gives had has have he
her here him his how i if in into is it its itself just know let like make many may me might
more most much must my need next no nor not now of off on once one only or other our out over
own per please same shall she should so some such tell than thank thanks that the their them
then there these they this those to too under until up us use used uses using very via want
was we were what what's whats when where which while who why will with would you your
whether i'm i'd i'll it's let's don't return returns value values given
"""
_STOP = frozenset(_STOP_WORDS.split())

_GROUPS = (
    "calculate compute evaluate sum add plus minus subtract multiply divide arithmetic math maths",
    "convert conversion exchange change",
    "read show open print display contents content view",
    "list enumerate",
    "search find lookup look query grep mention contain",
    "write save store",
    "create add new make",
    "send mail email e-mail message",
    "delete remove erase drop",
    "weather forecast temperature rain sunny snow umbrella",
    "time clock hour timezone",
    "remind reminder alert",
    "calendar appointment meeting event schedule book",
    "translate translation",
    "currency money dollar euro pound yen usd eur gbp exchange",
    "unit measure metre mile kilometre",
    "issue bug ticket",
    "directory folder",
    "picture image photo",
    "stock share ticker",
    "day date",
)


def stem(word: str) -> str:
    """Cut a lower-case word down to what its forms share."""
    for ending, least in (("'s", 1), ("ies", 2), ("s", 3)):
        if word.endswith(ending) and len(word) >= len(ending) + least and word[-2:] != "ss":
            word = word[: -len(ending)] + ("y" if ending == "ies" else "")
            break
    for ending, least in (("ing", 3), ("ed", 3), ("ator", 4), ("ation", 4), ("er", 5)):
        if word.endswith(ending) and len(word) >= len(ending) + least:
            word = word[: -len(ending)] + ("at" if ending.startswith("at") else "")
            break
    word = word.removesuffix("e") if len(word) > 3 else word
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiouls":
        word = word[:-1]
    return f"{word[:-1]}i" if word.endswith("y") and len(word) > 2 else word


def split_words(text: str) -> list[str]:
    """Return the words of a text or a name, lower case, in order."""
    spaced = _CAMEL.sub(" ", text.replace("_", " "))
    return [word.lower() for word in _WORD.findall(spaced)]


def stems(text: str) -> list[str]:
    """Return the stems of the words that say something, in order."""
    return [stem(word) for word in split_words(text) if word not in _STOP]


def is_filler(word: str) -> bool:
    """Say whether a word tells nothing about what is asked."""
    return word.lower() in _STOP


def widen(found: Iterable[str]) -> frozenset[str]:
    """Return the synonyms of the stems in `found`, without these themselves."""
    own = frozenset(found)
    return frozenset(other for one in own for other in _synonyms().get(one, ())) - own


@cache
def _synonyms() -> Mapping[str, frozenset[str]]:
    table: dict[str, frozenset[str]] = {}
    for group in _GROUPS:
        members = frozenset(stem(word) for word in group.split())
        for member in members:
            table[member] = table.get(member, frozenset()) | members
    return table
