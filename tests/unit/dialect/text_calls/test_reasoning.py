"""Reasoning inside the text of an answer is neither text nor a call."""

import pytest

from agentkit.config.profile import ReasoningStyle
from tests.unit.dialect.text_calls.readings import NO_TOOLS, TOOLS, read

DRAFT = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n</tool_call>'
CALL = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>'
PARIS = ("get_weather", '{"city": "Paris"}')
SIZES = pytest.mark.parametrize("size", [None, 1, 6])
PAIRS = [
    ("<think>", "</think>"),
    ("<think>\n", "\n</think>\n\n"),
    ("[THINK]", "[/THINK]"),
    ("<thinking>", "</thinking>"),
    ("<|channel>thought\n", "<channel|>"),
    ("\u25c1think\u25b7", "\u25c1/think\u25b7"),
    ("<|open|>think<|sep|>", "<|close|>think<|sep|><|open|>response<|sep|>"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
]
TAGS = pytest.mark.parametrize(("opening", "closing"), PAIRS)


@SIZES
@TAGS
def test_a_thought_before_the_answer_is_reasoning(
    opening: str, closing: str, size: int | None
) -> None:
    """With a drafted call in it, or without tools."""
    for tools in (TOOLS, NO_TOOLS):
        answer = read(f"{opening}Should I {DRAFT}? No.{closing}Hello!", size=size, tools=tools)

        assert (answer.text, answer.drafts) == ("Hello!", ())
        assert answer.reasoning.strip() == f"Should I {DRAFT}? No."


@SIZES
@pytest.mark.parametrize(("opening", "closing"), PAIRS[:-1])
def test_the_call_after_a_thought_counts(opening: str, closing: str, size: int | None) -> None:
    """And the one in it does not."""
    answer = read(f"{opening}First {DRAFT} but no.{closing}{CALL}", size=size)

    assert (answer.text, answer.calls, answer.rejected) == ("", [PARIS], [])


@SIZES
@pytest.mark.parametrize("reasoning", ["tagged", "unknown", "prefilled"])
@pytest.mark.parametrize(
    "thought", ["They greet me.", f"Should I {DRAFT}? No one asked.", "A long thought. " * 30]
)
def test_a_closing_tag_alone_ends_a_thought(
    thought: str, reasoning: ReasoningStyle, size: int | None
) -> None:
    """The prompt held the opening one; text that was emitted is reclassified."""
    answer = read(f"{thought}\n</think>\n\nHello!", size=size, reasoning=reasoning)

    assert (answer.text, answer.drafts) == ("Hello!", ())
    assert answer.reasoning.strip() == thought.strip()


def test_a_short_thought_is_not_shown_as_text_first() -> None:
    """Of a model that is not known, the first line is held for a moment."""
    short = read("They greet me.\n</think>\n\nHello!", size=1, reasoning="unknown")
    answer = read("Hello!\nHow are you?", size=1, reasoning="unknown")

    assert short.shown == "Hello!"
    assert answer.shown == answer.text


@SIZES
@pytest.mark.parametrize(
    "text",
    [
        "The tag </think> ends a thought.",
        "Write `</think>` at the end.",
        'He wrote "</think>" there.',
        "```\n</think>\n```",
        "Write `<think>` first.",
        "The <think> tag begins it.",
    ],
)
def test_a_tag_that_is_quoted_or_in_a_sentence_is_text(text: str, size: int | None) -> None:
    """An answer about reasoning tags stays an answer."""
    answer = read(text, size=size)

    assert (answer.text, answer.reasoning) == (text, "")


@SIZES
def test_a_closing_tag_counts_once(size: int | None) -> None:
    """After a thought, another one is dropped at the edges."""
    answer = read("<think>a</think>\n</think>\nHello!</think>", size=size)

    assert (answer.text, answer.reasoning) == ("Hello!", "a")


@SIZES
def test_a_thought_between_texts_is_taken_out(size: int | None) -> None:
    """If it is closed; a call in it does not count."""
    answer = read(f"Well.\n<think>Maybe {DRAFT}? No.</think>\nHello!", size=size)

    assert answer.text.split() == ["Well.", "Hello!"]
    assert answer.drafts == ()
    assert answer.reasoning.startswith("Maybe")


@SIZES
def test_a_thought_without_an_end_is_no_answer(size: int | None) -> None:
    """Not at the start of an answer; later it is text, without calls."""
    first = read(f"<think>Maybe {DRAFT}", size=size)
    later = read(f"Well. <think>Maybe {DRAFT}", size=size)

    assert (first.text, first.drafts) == ("", ())
    assert later.drafts == ()
    assert later.text == f"Well. <think>Maybe {DRAFT}"


@SIZES
def test_an_answer_of_a_model_that_did_not_think_is_an_answer(size: int | None) -> None:
    """Although its prompt opens a thought: the server removed it, or thinking was off."""
    answer = read(f"Let me look.\n{CALL}", size=size, reasoning="prefilled")

    assert (answer.text, answer.reasoning, answer.calls) == ("Let me look.", "", [PARIS])


@SIZES
def test_a_cut_thought_is_reasoning(size: int | None) -> None:
    """The limit was reached before the answer."""
    answer = read("Let me think", size=size, reasoning="prefilled", is_cut=True)

    assert (answer.text, answer.reasoning) == ("", "Let me think")


@SIZES
def test_a_quoted_closing_tag_ends_a_thought_if_there_is_no_other(size: int | None) -> None:
    """Quotation marks in thoughts are not always balanced."""
    answer = read('<think>He said "hi</think>Hello!', size=size)
    both = read('<think>He wrote "</think>" so.</think>Hello!', size=size)

    assert (answer.text, answer.reasoning) == ("Hello!", 'He said "hi')
    assert (both.text, both.reasoning) == ("Hello!", 'He wrote "</think>" so.')


@SIZES
@pytest.mark.parametrize(
    ("text", "shown", "thought", "calls"),
    [
        pytest.param("<|channel|>final<|message|>Hello!", "Hello!", "", [], id="final alone"),
        pytest.param(
            "<|channel|>commentary<|message|>I look.<|end|><|start|>assistant<|channel|>commentary "
            'to=functions.get_weather <|constrain|>json<|message|>{"city": "Paris"}<|call|>',
            "I look.",
            "",
            [PARIS],
            id="a preamble and a call",
        ),
        pytest.param(
            ' to=functions.get_weather<|channel|>analysis<|message|>{"city": "Paris"}',
            "",
            "",
            [PARIS],
            id="the recipient first",
        ),
        pytest.param(
            '<|channel|>final<|message|>{"name": "get_weather", "arguments": {"city": "Paris"}}',
            '{"name": "get_weather", "arguments": {"city": "Paris"}}',
            "",
            [],
            id="the JSON of a call in the answer",
        ),
        pytest.param(
            "<|channel|>??<|end|><|start|>assistant<|channel|>analysis<|message|>Hm.<|end|>"
            "<|start|>assistant<|channel|>final<|message|>Hello!",
            "Hello!",
            "Hm.",
            [],
            id="a malformed header",
        ),
        pytest.param("<|channel|>final Hello!", "Hello!", "", [], id="a header without its end"),
    ],
)
def test_messages_on_channels_are_separated(
    text: str, shown: str, thought: str, calls: list[tuple[str, str]], size: int | None
) -> None:
    """The Harmony format of gpt-oss."""
    answer = read(text, size=size)

    assert (answer.text, answer.reasoning, answer.calls) == (shown, thought, calls)
