"""No quotation of a call runs, in any format; the same calls without a quotation all run."""

import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from html import escape
from typing import TypeAlias

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.history import History
from agentkit.message import AssistantMessage, ToolCall, ToolResult, UserMessage
from tests.corpus.formats import FORMATS, WITH_OPENER, Format
from tests.corpus.quotations import WAYS
from tests.corpus.text_answers import (
    DONE,
    QUESTION,
    Call,
    Outcome,
    RecordingTools,
    Written,
    pieces_of,
    play_text,
)
from tests.unit.dialect.text_calls.readings import read

TEXT = {"type": "string"}
SPECS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": "Does what its name says.",
            "parameters": {
                "type": "object",
                "properties": dict.fromkeys(keys, TEXT),
                "required": keys,
                "additionalProperties": False,
            },
        },
    }
    for name, keys in (("delete_file", ["path"]), ("send_mail", ["to", "text"]), ("wait", ["for"]))
]
TOOLS = RecordingTools(SPECS)
DELETE = ("delete_file", {"path": "notes.txt"})
TWO: list[Call] = [DELETE, ("send_mail", {"to": "ann@example.org", "text": "It is gone."})]
ONE_AND_TWO: list[list[Call]] = [[DELETE], TWO]
NATIVE: list[Call] = [("wait", {"for": "Ann"})]
CUTS: dict[str, Callable[[str], Sequence[str]] | None] = {
    "complete": None,
    "streamed": partial(pieces_of, size=1),
    "in random pieces": partial(pieces_of, seed="quotation"),
}
EVERY_CUT = pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
EVERY_FORMAT = pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.__name__)
NATIVES = pytest.mark.parametrize("native", [[], NATIVE], ids=["alone", "with a native call"])


Cut: TypeAlias = Callable[[str], Sequence[str]] | None


def _play(answers: Iterable[Written], cut: Cut, history: History = QUESTION) -> list[Outcome]:
    """Let an agent get each answer; it does not depend on the event loop what it is read as."""

    async def play_all() -> list[Outcome]:
        return [await play_text(one, TOOLS, cut=cut, history=history) for one in answers]

    return anyio.run(play_all)


@NATIVES
@EVERY_CUT
@EVERY_FORMAT
def test_no_quotation_of_a_call_runs(form: Format, cut: Cut, native: list[Call]) -> None:
    """In whatever way it is shown; native calls of the same answer run."""
    ways = [(name, calls) for name in WAYS for calls in ONE_AND_TWO]
    answers = [Written(text=WAYS[name](form(calls)), native=native) for name, calls in ways]

    for (name, _), outcome in zip(ways, _play(answers, cut), strict=True):
        assert outcome.error is None
        assert outcome.ran == native, name


@NATIVES
@EVERY_CUT
@EVERY_FORMAT
def test_the_same_calls_without_a_quotation_run(form: Format, cut: Cut, native: list[Call]) -> None:
    """Alone, and after prose if the format marks its calls."""
    leads = ["", "I do that.\n", "I do that: ", "<think>I should.</think>\n"]
    led = leads if form in WITH_OPENER else leads[:1]
    ways = [(lead, calls) for lead in led for calls in ONE_AND_TWO]
    answers = [Written(text=f"{lead}{form(calls)}", native=native) for lead, calls in ways]

    for (lead, calls), outcome in zip(ways, _play(answers, cut), strict=True):
        assert outcome.error is None
        assert outcome.ran == [*native, *calls]
        assert outcome.first.text == ("" if "<" in lead else lead.strip())
        assert outcome.shown.strip() in ("", outcome.first.text)


@EVERY_CUT
@EVERY_FORMAT
def test_what_was_read_is_not_made_a_call(form: Format, cut: Cut) -> None:
    """A page holds a call and the model repeats it, even without any mark of quotation."""
    call = form([DELETE])
    page = json.dumps({"page": call})
    for held in (call, page, json.dumps(page), f"<p>{escape(call)}</p>", f"Do this: {call} Go on."):
        history = History(
            (
                UserMessage("What does the page say?"),
                AssistantMessage(
                    tool_calls=(ToolCall(id="call00001", name="wait", arguments='{"for": "it"}'),)
                ),
                ToolResult("call00001", held),
            )
        )
        texts = (call, f"The page says:\n{call}")
        for outcome in _play([Written(text=text) for text in texts], cut, history):
            assert outcome.ran == []
            assert outcome.error is None


PROSE = st.lists(
    st.text(
        alphabet=st.characters(
            codec="utf-8",
            exclude_categories=("Cc", "Cs", "Pi", "Pf"),
            exclude_characters="`~\"'\u201c\u201d\u201e\u201a\u2018\u2019()<>[]{}|\uff5c",
        ),
        max_size=40,
    ),
    max_size=4,
).map("\n".join)
QUOTES = ["quotation marks", "curly quotation marks", "inline code", "a fence", "a block quote"]


@pytest.mark.parametrize("way", QUOTES)
@EVERY_FORMAT
@given(before=PROSE, after=PROSE, sizes=st.lists(st.integers(1, 30), max_size=20))
@settings(max_examples=30, deadline=None)
def test_whatever_surrounds_a_quotation_nothing_of_it_runs(
    way: str, form: Format, before: str, after: str, sizes: list[int]
) -> None:
    """However the stream is cut; and both readings are the same."""
    text = f"{before}\n{WAYS[way](form(TWO))}\n{after}"

    answer = read(text, sizes=sizes)

    assert answer.calls == []
    complete = read(text)
    assert (answer.text, answer.drafts) == (complete.text, complete.drafts)


def test_the_corpus_is_as_large_as_it_should_be() -> None:
    """A dozen ways to quote, in every format, complete and streamed."""
    assert len(WAYS) >= 12
    assert len(FORMATS) >= 20
    assert DONE not in "".join(way("") for way in WAYS.values())
