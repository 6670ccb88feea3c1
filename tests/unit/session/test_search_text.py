"""The words by which messages are found."""

import re

import pytest
from hypothesis import given

from agentkit.session.search_text import (
    MAX_CHARACTERS,
    MAX_WORD_LENGTH,
    MAX_WORDS,
    excerpt,
    index_query,
    index_text,
)
from tests.unit.store.test_text_repair import ANY_TEXT


def words(text: str) -> list[str]:
    """Return the indexed words without the tenant's."""
    return index_text(text, tenant="acme").split(" ")[1:]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("... !?", []),
        ("Refund order-7, please: refund!", ["refund", "order", "7", "please"]),
        ("user_name@example.com", ["user", "name", "example", "com"]),
        ("STRASSE Straße", ["strasse"]),
        ("Café CAFÉ cafe\u0301", ["cafe"]),
        ("שָׁלוֹם שלום", ["שלום"]),
        ("مَرْحَبًا مرحبا", ["مرحبا"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("x² ½ ⅷ", ["x2", "1", "2", "viii"]),
        ("a\0b\ud800c", ["a", "b", "c"]),
        ("退款单", ["退款", "款单", "退", "款", "单"]),
        ("iPhone15で払う", ["iphone15", "で払", "払う", "で", "払", "う"]),
        ("x" * 50, ["x" * MAX_WORD_LENGTH]),
    ],
)
def test_a_text_is_indexed_by_its_normalised_words(text: str, expected: list[str]) -> None:
    """Case, accents and vowel points do not count; each word once."""
    assert words(text) == expected


@given(ANY_TEXT)
def test_the_index_holds_nothing_that_a_database_could_split(text: str) -> None:
    """Only letters, digits and marks, with one space in between."""
    indexed = index_text(text, tenant=text)

    indexed.encode()
    assert re.fullmatch(r"tenant[0-9a-f]{16}( [^\s'\"*:&|!()\\<>]+)*", indexed)
    assert all(word.isalnum() for word in indexed.split(" ") if word.isascii())


def test_a_huge_message_is_indexed_in_part() -> None:
    """There are limits to what a database takes for one entry."""
    many = " ".join(f"w{number}" for number in range(2 * MAX_WORDS))

    assert len(words(many)) == MAX_WORDS
    assert words("x " * MAX_CHARACTERS + "end") == ["x"]


@pytest.mark.parametrize(
    ("query", "sqlite", "postgresql"),
    [
        ("", None, None),
        (" * ", None, None),
        ("Refund", '"refund"', "'refund'"),
        ("refund* order", '"refund"* "order"', "'refund':* & 'order'"),
        ("order order", '"order"', "'order'"),
        ("order-7*", '"order" "7"*', "'order' & '7':*"),
        ('\'; DROP "x" OR NOT', '"drop" "x" "or" "not"', "'drop' & 'x' & 'or' & 'not'"),
        ("退款", '"退款"', "'退款'"),
        ("款", '"款"', "'款'"),
    ],
)
def test_a_query_asks_for_all_its_words(
    query: str, sqlite: str | None, postgresql: str | None
) -> None:
    """In the language of each database; the tenant's word comes first."""
    found = {
        kind: index_query(query, tenant="acme", kind=kind) for kind in ("sqlite", "postgresql")
    }

    tenant = index_text("", tenant="acme")
    assert found["sqlite"] == (None if sqlite is None else f"{tenant} {sqlite}")
    assert found["postgresql"] == (None if postgresql is None else f"{tenant} & {postgresql}")


def test_tenants_have_words_of_their_own() -> None:
    """So that a search does not walk through the messages of others."""
    assert index_text("", tenant="a") != index_text("", tenant="b")


@pytest.mark.parametrize(
    ("text", "query", "expected"),
    [
        ("short text", "text", "short text"),
        ("", "x", ""),
        ("a\n\n b", "b", "a b"),
        ("x" * 200, "y", "x" * 120 + "…"),
        ("a " * 100 + "Refund it", "REFUND*", "…" + "a " * 20 + "Refund it"),
        ("İ" * 200, "refund", "İ" * 120 + "…"),
    ],
)
def test_an_excerpt_shows_the_first_word_that_was_found(
    text: str, query: str, expected: str
) -> None:
    """In one line; from the beginning if the place is not known."""
    assert excerpt(text, query) == expected
