"""Each family's grammar: its calls, alone and several, what it may hold, and what is missing."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.dialect.text_calls.markers import canonical
from agentkit.dialect.text_calls.table import FAMILIES, OPENERS, contains_opener
from tests.corpus.formats import FORMATS, WITH_OPENER, Format
from tests.unit.dialect.text_calls.readings import loaded, read

ONE = [("get_weather", {"city": "Paris"})]
TWO = [("get_weather", {"city": "New York"}), ("add", {"a": "b"})]
EVERY = pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.__name__)
MARKED = pytest.mark.parametrize("form", WITH_OPENER, ids=lambda form: form.__name__)
RAW = {"qwen_xml", "glm_45", "glm_47", "minimax", "anthropic_xml"}
"""Formats in which a value is written as it is, and white space around it may be formatting."""


def test_every_family_is_in_the_table_and_reads_its_openers() -> None:
    """Adding one is a module and a line."""
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
    for family in FAMILIES:
        assert family.read is not None
        for opener in family.openers:
            assert family in OPENERS[canonical(opener)]


@EVERY
@pytest.mark.parametrize("size", [None, 1, 9])
def test_one_and_two_calls_are_read(form: Format, size: int | None) -> None:
    """Nothing is left in the text, and nothing is repaired but the place."""
    for calls in (ONE, TWO):
        answer = read(form(calls), size=size)

        assert loaded(answer.calls) == calls
        assert (answer.text, answer.shown, answer.rejected) == ("", "", [])
        assert {one.kind for call in answer.drafts for one in call.repairs} == {"text_call"}


@MARKED
@pytest.mark.parametrize("size", [None, 1, 9])
def test_prose_before_a_call_is_the_answer_text(form: Format, size: int | None) -> None:
    """On its own line or on the same one."""
    for before in ("I look.\n", "I look. ", "I look.\n\n"):
        answer = read(f"{before}{form(ONE)}", size=size)

        assert (answer.text, loaded(answer.calls)) == ("I look.", ONE)


@MARKED
def test_the_text_of_a_format_holds_its_opener(form: Format) -> None:
    """So the doctor can see that a provider left a call in the text."""
    assert contains_opener(form(ONE))
    assert not contains_opener("I look. [1] <b> `code`")


@MARKED
def test_a_call_that_is_cut_never_runs_with_shorter_arguments(form: Format) -> None:
    """Wherever it ends, it runs as it was meant or not at all; no marker is shown as an answer."""
    text = form(ONE)
    for end in range(1, len(text)):
        for is_cut in (False, True):
            answer = read(text[:end], is_cut=is_cut)
            assert loaded(answer.calls) in ([], ONE)
            assert not is_cut or answer.is_cut or answer.calls or not answer.text.strip()


@pytest.mark.parametrize(
    "opener", ["[TOOL_CALLS]", "<tool_call>", "<|python_tag|>", "<function_calls>"]
)
def test_a_sentence_about_an_opener_that_is_cut_is_text(opener: str) -> None:
    """The limit ended an explanation, not a call."""
    answer = read(f"The token {opener} tells a server that a call follows, so", is_cut=True)

    assert not answer.is_cut
    assert answer.text.startswith("The token")


@EVERY
@given(value=st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r"), max_size=30))
@settings(max_examples=40, deadline=None)
def test_any_value_arrives_as_it_was_written(form: Format, value: str) -> None:
    """With the marks of other formats in it, too."""
    if form.__name__ in RAW and (value.strip() != value or "<" in value or not value):
        return
    if any(mark in value for mark in ("<|", "|>", "\uff5c", "\x00")):
        return
    calls = [("get_weather", {"city": value})]
    try:
        value.encode()
        json.dumps(value)
    except UnicodeEncodeError:
        return

    assert loaded(read(form(calls)).calls) in (calls, [])
    if value.isalnum():
        assert loaded(read(form(calls)).calls) == calls
