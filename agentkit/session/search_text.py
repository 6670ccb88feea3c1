"""The words by which messages are found.

In:  what people and models wrote, in any language.
Out: normalised words for the index, queries for either database, excerpts.

Both databases get the same words, so that they find the same. Case, accents and vowel points do
not count. Chinese, Japanese, Thai and their neighbours write without spaces: there each character
is a word, and each two that follow one another.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from hashlib import blake2s

from agentkit.store.base import StoreKind

MAX_CHARACTERS = 100_000
"""How much of a message is indexed."""

MAX_WORDS = 5_000
MAX_WORD_LENGTH = 40
"""PostgreSQL's limit is 1 MB for all words of an entry, with up to 4 bytes a character."""

MAX_QUERY_WORDS = 16

_EXCERPT_BEFORE, _EXCERPT_AFTER = 40, 120
_KEPT_CLASSES = (0, 8, 9)
"""Combining classes of marks that make other words: vowel signs of India, the voicing of Kana,
viramas; https://www.unicode.org/reports/tr44/#Canonical_Combining_Class_Values."""

_UNSPACED = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]+)"
)
"""Thai, Lao, Myanmar, Khmer, Hiragana, Katakana, Han."""


class _WordCharacters(dict[int, str]):
    """What each character is in a word: itself, nothing, or a space between words."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        category = unicodedata.category(character)[0]
        found = character if category in "LN" else " "
        if category == "M":
            found = character if unicodedata.combining(character) in _KEPT_CLASSES else ""
        self[code] = found
        return found


_WORD_CHARACTERS = _WordCharacters()


def index_text(text: str, *, tenant: str) -> str:
    """Return the words of a message, each once, and the one of its tenant."""
    words = dict.fromkeys(_split(text[:MAX_CHARACTERS], is_query=False))
    return " ".join([_tenant_word(tenant), *list(words)[:MAX_WORDS]])


def index_query(query: str, *, tenant: str, kind: StoreKind) -> str | None:
    """Return what finds the messages that hold all words of a query.

    A word with `*` behind it is the beginning of a word. None if the query holds no word.
    """
    # https://www.sqlite.org/fts5.html#fts5_prefix_queries
    # https://www.postgresql.org/docs/current/datatype-textsearch.html#DATATYPE-TSQUERY
    quote, prefix, both = ('"', "*", " ") if kind == "sqlite" else ("'", ":*", " & ")
    terms: dict[str, None] = {}
    for part in query[:MAX_CHARACTERS].split():
        found = [f"{quote}{word}{quote}" for word in _split(part, is_query=True)]
        if found and part.endswith("*"):
            found[-1] += prefix
        terms.update(dict.fromkeys(found))
    if not terms:
        return None
    return both.join([_tenant_word(tenant), *list(terms)[:MAX_QUERY_WORDS]])


def excerpt(text: str, query: str) -> str:
    """Return the text around the first word of the query in it, in one line."""
    folded = text.casefold()
    found = [0]
    if len(folded) == len(text):
        found = [
            at
            for word in query.casefold().replace("*", "").split()
            if (at := folded.find(word)) >= 0
        ] or [0]
    start = max(0, min(found) - _EXCERPT_BEFORE)
    end = min(found) + _EXCERPT_AFTER
    shown = " ".join(text[start:end].split())
    return f"{'…' if start else ''}{shown}{'…' if end < len(text) else ''}"


def _split(text: str, *, is_query: bool) -> Iterable[str]:
    """Yield the words of a text, normalised, in order."""
    is_ascii = text.isascii()
    folded = (text if is_ascii else unicodedata.normalize("NFKD", text)).casefold()
    plain = folded.translate(_WORD_CHARACTERS)
    for word in (plain if is_ascii else unicodedata.normalize("NFC", plain)).split():
        if word.isascii():
            yield word[:MAX_WORD_LENGTH]
            continue
        for number, part in enumerate(_UNSPACED.split(word)):
            if number % 2 == 0:
                if part:
                    yield part[:MAX_WORD_LENGTH]
            else:
                yield from _unspaced_words(part, is_query=is_query)


def _unspaced_words(part: str, *, is_query: bool) -> Sequence[str]:
    """Return the pairs of characters; for the index, and of a single one, the characters too."""
    pairs = [part[at : at + 2] for at in range(len(part) - 1)]
    return pairs if is_query and pairs else [*pairs, *part]


def _tenant_word(tenant: str) -> str:
    """Return the word that stands for a tenant; it keeps the lists of others out of a search."""
    return f"tenant{blake2s(tenant.encode('utf-8', 'replace'), digest_size=8).hexdigest()}"
