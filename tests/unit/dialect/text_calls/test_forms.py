"""Calls in the text of an answer, in every form, and text that only looks like one."""

import json
import time

import pytest

from tests.case_group import case_group
from tests.unit.dialect.text_calls.readings import NO_TOOLS, loaded, read

PARIS = '{"city": "Paris"}'
CALL = f'{{"name": "get_weather", "arguments": {PARIS}}}'
FIT = [("get_weather", PARIS)]
PRECISE = "0.12345678901234567890123"
CALLS = [
    CALL,
    f"[{CALL}]",
    f"```json\n{CALL}\n```",
    f"get_weather{PARIS}",
    f"get_weather {PARIS}",
    f"get_weather[ARGS]{PARIS}",
    f"get_weather[CALL_ID]abc123def[ARGS]{PARIS}",
    f"get\\_weather{PARIS}",
    f'{{"name": "get_weather", "parameters": {PARIS}}}',
    f'{{"type": "function", "function": {{"name": "get_weather", "arguments": {PARIS}}}}}',
    f'{{"function": "get_weather", "args": {PARIS}, "id": "a1B2c3D4e"}}',
    f'{{"tool": "get_weather", "input": {PARIS}}}',
    "{'name': 'get_weather', 'arguments': {'city': 'Paris'}}",
    '[{"name": "get\\_weather", "arguments": {"city": "Paris"}}]',
    json.dumps({"name": "get_weather", "arguments": PARIS}),
]


@pytest.mark.parametrize(
    "marker",
    [
        "[TOOL_CALLS]",
        "[TOOL_CALLS] ",
        "[TOOL_CALLS]\n",
        "[tool_calls]",
        "[TOOL_CALL]",
        "[ TOOL_CALLS ]",
        "[TOOL CALLS]",
        "[TOOL\\_CALLS]",
        "\\[TOOL\\_CALLS\\]",
        "<tool_call>",
        "<tool_call>\n",
        "<|tool_call|>",
        "<|tool_calls|>",
        "<function_call>",
        "<|python_tag|>",
    ],
)
def test_a_call_after_a_marker_is_found_in_every_form(marker: str) -> None:
    """Prose after a call at the start is an invented result, and is dropped."""
    with case_group() as case:
        for call in CALLS:
            for after in ("", "</s>", "\n</tool_call>"):
                for size in (None, 1):
                    with case(f"{call}{after} in pieces of {size}"):
                        alone = read(f"{marker}{call}{after}", size=size)
                        behind = read(f"I look.\n{marker}{call}{after}", size=size)
                        assert (alone.text, alone.calls) == ("", FIT)
                        assert (behind.text, behind.calls) == ("I look.", FIT)

            with case(f"{call} and an invented result"):
                invented = read(f"{marker}{call}$$ In Paris it is 20 degrees.")
                assert (invented.text, invented.calls) == ("", FIT)
                assert invented.dropped == ["dropped_text"]


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        pytest.param(
            '[TOOL_CALLS] [{"name": "add", "arguments": {"a": 1}}, {"name": "now"}]',
            [("add", '{"a": 1}'), ("now", "{}")],
            id="a list",
        ),
        pytest.param(
            '[TOOL_CALLS]add{"a": 1}[TOOL_CALLS]now{}',
            [("add", '{"a": 1}'), ("now", "{}")],
            id="a marker each",
        ),
        pytest.param(
            "<tool_call>\n"
            '{"name": "add", "arguments": {"a": 1}}\n</tool_call>\n<tool_call>\n'
            '{"name": "now", "arguments": {}}\n</tool_call>',
            [("add", '{"a": 1}'), ("now", "{}")],
            id="tags",
        ),
        pytest.param(
            '<function=add>{"a": 1}</function>', [("add", '{"a": 1}')], id="a name in the tag"
        ),
        pytest.param("[TOOL_CALLS]fs.read{}", [("fs.read", "{}")], id="a name with a dot"),
        pytest.param(
            '[TOOL_CALLS] [{"name": "now", "arguments": null}]', [("now", "{}")], id="null"
        ),
        pytest.param(
            'The word [TOOL_CALLS] means a call: [TOOL_CALLS]add{"a": 1}',
            [("add", '{"a": 1}')],
            id="the marker named first",
        ),
        pytest.param("[TOOL_CALLS]now", [("now", "{}")], id="a name alone"),
        pytest.param(
            "[TOOL_CALLS]now[TOOL_CALLS]now</s>", [("now", "{}"), ("now", "{}")], id="two names"
        ),
    ],
)
def test_several_calls_in_one_text_are_all_found(text: str, calls: list[tuple[str, str]]) -> None:
    """Losing the second one silently is what others do."""
    assert read(text).calls == calls


@pytest.mark.parametrize(
    "text",
    [
        CALL,
        f"[{CALL}]",
        f" {CALL}\n",
        f"{CALL}</s>",
        f"```json\n{CALL}\n```",
        f"```\n[{CALL}]\n```\n",
        f"```json\n{CALL}",
        json.dumps({"function": {"name": "get_weather", "arguments": PARIS}}),
        '[get_weather(city="Paris")]',
        f"get_weather{PARIS}",
        f"get_weather[ARGS]{PARIS}",
        'get_weather(city="Paris")',
        f"{CALL}<|im_end|>",
    ],
)
@pytest.mark.parametrize("size", [None, 1, 5])
def test_an_answer_that_is_nothing_but_calls_needs_no_marker(text: str, size: int | None) -> None:
    """Servers that drop special tokens drop the marker too."""
    answer = read(text, size=size)

    assert (answer.text, answer.calls, answer.shown) == ("", FIT, "")


@pytest.mark.parametrize(
    "text",
    [
        "Hello [1] <b>world</b>",
        "Mixtral writes the special token [TOOL_CALLS] before a JSON list of calls.",
        'See [TOOL_CALLS] [{"name": "get_weather", "arguments": {"town": 1}}] as it was.',
        f"This is how it looks: {CALL}",
        f"{CALL} is how it looks",
        f"```json\n{CALL}\n```\nis how it looks",
        '{"name": "get_weather"}',
        '{"name": "get_weather", "arguments": {"town": 1}}',
        '{"name": "get_weather", "arguments": {}, "description": "reports the weather"}',
        '{"type": "function", "function": {"name": "add", "description": "x", "parameters": {}}}',
        '{"function": {"name": "add", "arguments": {}}, "note": "x"}',
        '{"name": "Ada", "arguments": {}}',
        '{"city": "Paris"}',
        "{not json}",
        "[1, 2]",
        "42",
        "now",
        "get_weather",
        "```python\nget_weather(city='Paris')\n```",
        f'{{"role": "assistant", "content": "Hello", "tool_calls": [{CALL}]}}',
        '{"role": "assistant", "tool_calls": []}',
        f'{{"role": "assistant", "tool_calls": {CALL}, "note": "x"}}',
        "The token [TOOL_CALLS] is(not) a word",
        "The token [TOOL_CALLS] comes {first} of all",
        "Use <tool_call> tags for calls.",
        "So: <tool_call>\n<function=> or",
    ],
)
@pytest.mark.parametrize("size", [None, 1, 4])
def test_text_that_is_not_a_call_stays_text(text: str, size: int | None) -> None:
    """Prose about a marker, an answer in JSON, an example of code."""
    answer = read(text, size=size)

    assert (answer.text, answer.drafts, answer.is_malformed) == (text, (), False)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("[TOOL_CALLS]", ""),
        ("[TOOL_CALLS] [sic]", "[sic]"),
        ("[TOOL_CALLS] not json at all", "not json at all"),
        ("[TOOL_CALLS] is a token", "is a token"),
        ("Done.[TOOL_CALLS]", "Done."),
        ("Done.</s>", "Done."),
        ("<s> Done.</s>\n", "Done."),
        ("Done.<|im_end|>\n<|endoftext|>", "Done."),
        ("</tool_call>Done.", "Done."),
    ],
)
@pytest.mark.parametrize("size", [None, 1, 4])
def test_a_lonely_marker_at_the_edge_is_dropped(text: str, left: str, size: int | None) -> None:
    """And reported; inside a sentence it stays."""
    answer = read(text, size=size)

    assert (answer.text, answer.drafts) == (left, ())
    assert set(answer.dropped) == {"dropped_marker"}


@pytest.mark.parametrize(
    "text",
    [
        '[TOOL_CALLS] [{"name"',
        '[TOOL_CALLS] {"nam',
        '[TOOL_CALLS] [{"',
        '[TOOL_CALLS] [{"name": 5, "arguments": {}}]',
        '[TOOL_CALLS] {"city": "Paris"}',
        "<tool_call>get the weather of Paris</tool_call>",
        'I look.\n<tool_call>\n{"city": "Paris"}\n</tool_call>',
    ],
)
def test_an_answer_that_should_be_a_call_and_is_none_is_malformed(text: str) -> None:
    """It is asked for again, never shown."""
    answer = read(text)

    assert answer.is_malformed
    assert answer.drafts == ()
    assert "TOOL_CALLS" not in answer.text
    assert "tool_call" not in answer.text


def test_without_tools_nothing_is_a_call() -> None:
    """There is nothing it could call."""
    text = f"[TOOL_CALLS] [{CALL}]"

    assert read(text, tools=NO_TOOLS).drafts == ()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("[TOOL_CALLS] unknown(city='Paris')", "unknown"),
        ('[TOOL_CALLS] [{"name": "unknown", "arguments": {}}]', "unknown"),
        ('[TOOL_CALLS] unknown{"a": 1}', "unknown"),
        ("<function=unknown>{}</function>", "unknown"),
        ('<tool_call>{"name": "search_web", "arguments": {}}</tool_call>', "search_web"),
        ("<tool_call>unknown</tool_call>", "unknown"),
    ],
)
def test_a_call_of_an_unknown_tool_is_a_call(text: str, name: str) -> None:
    """The model gets the list of names, and no one sees a marker."""
    answer = read(text)

    assert [call for call, _ in answer.calls] == [name]
    assert answer.text == ""


def test_a_lenient_reading_is_reported() -> None:
    """A tool with side effects may want to know."""
    (call,) = read("[TOOL_CALLS] {'name': 'now'}").drafts

    assert [one.kind for one in call.repairs] == ["text_call", "python_literal"]


@pytest.mark.parametrize(
    "text",
    [
        f"**[TOOL_CALLS]** [{CALL}]",
        f"`[TOOL_CALLS]`\n{CALL}",
        f"__[TOOL_CALLS]__: {CALL}",
        f"> [TOOL_CALLS] {CALL}",
        f"[TOOL_CALLS]: functions.get_weather{PARIS}",
        f"[TOOL_CALLS] functions:get_weather {PARIS}",
        '[TOOL_CALLS] get_weather(city="Paris")',
        "[TOOL_CALLS] get_weather( city = 'Paris' , )",
        '```tool_code\nget_weather(city="Paris")\n```',
        '```tool_code\nprint(get_weather(city="Paris"))\n```',
        "<tool_call>\n<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n</function>\n"
        "</tool_call>",
        "<function=get_weather><parameter=city>Paris</parameter></function>",
        f'{{"role": "assistant", "content": "", "tool_calls": [{{"function": {CALL}}}]}}',
        f'{{"action": "get_weather", "action_input": {PARIS}}}',
    ],
)
@pytest.mark.parametrize("size", [None, 1])
def test_nothing_of_a_marker_is_left_in_the_text(text: str, size: int | None) -> None:
    """Whatever Markdown surrounds it."""
    answer = read(text, size=size)

    assert (answer.text, answer.calls) == ("", FIT)


def test_a_format_without_types_gets_the_types_of_the_schema() -> None:
    """A line break inside a value stays; text that the schema does not type is JSON or text."""
    text = (
        "<function=get_weather>\n<parameter=city>\n\nNew\n\nYork\n</parameter>\n"
        "<parameter=days>\n2\n</parameter>\n</function>"
    )

    assert loaded(read(text).calls) == [("get_weather", {"city": "\nNew\n\nYork", "days": 2})]
    assert read(text).drafts[0].repairs[1:] == ()


def test_values_of_a_python_call_keep_their_types() -> None:
    """They are read as literals, never evaluated."""
    text = "[TOOL_CALLS] add(a=1.5, b=[True, None], c={'d': -2})"

    assert read(text).calls == [("add", '{"a": 1.5, "b": [true, null], "c": {"d": -2}}')]


def test_a_tag_without_parameters_is_a_call_without_arguments() -> None:
    """If the tag is closed."""
    assert read("<function=add>\n</function>").calls == [("add", "{}")]


def test_decoration_that_belongs_to_a_word_stays_with_it() -> None:
    """Only the decoration of the marker is removed."""
    answer = read(f"**I look.**[TOOL_CALLS] {CALL}")

    assert (answer.text, answer.calls) == ("**I look.**", FIT)


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        (f"[TOOL_CALLS] [{CALL}", f"{PARIS}}}"),
        (f"[TOOL_CALLS]\n```json\n[{CALL}, {{", f"{PARIS}}}, {{"),
        ('[TOOL_CALLS]get_weather{"city": "Par', '{"city": "Par'),
        (f"[TOOL_CALLS]get_weather{{}}{PARIS}", f"{{}}{PARIS}"),
        ('<function=get_weather>{"city": "Par', '{"city": "Par'),
        (f"[TOOL_CALLS]get_weather{{'n': {PRECISE}}}", f"{{'n': {PRECISE}}}"),
        ('[TOOL_CALLS] [{"name": "get_weather"', ""),
        ('[TOOL_CALLS] {"name": "get_weather", "arguments": ', ""),
        ("[TOOL_CALLS] get_weather('Paris')", "('Paris')"),
        ("[TOOL_CALLS] get_weather(city='Paris' day=1)", "(city='Paris' day=1)"),
        ("[TOOL_CALLS] get_weather(city='Paris', city='Rome')", "(city='Paris', city='Rome')"),
        ("[TOOL_CALLS] get_weather(city='Paris'", "(city='Paris'"),
        ("[TOOL_CALLS] get_weather", ""),
        ("[TOOL_CALLS] get_weather for Paris", " for Paris"),
        ("<function=get_weather><parameter=city>Paris", "<parameter=city>Paris"),
        (
            "<function=get_weather><parameter=city>a</parameter><parameter=city>b</parameter>"
            "</function>",
            "<parameter=city>a</parameter><parameter=city>b</parameter></function>",
        ),
    ],
)
def test_a_call_that_cannot_be_read_is_rejected(text: str, arguments: str) -> None:
    """The model gets to know, and no one sees a marker; it never becomes an empty object."""
    answer = read(text)

    assert (answer.text, answer.calls) == ("", [])
    assert answer.rejected == [("get_weather", arguments)]
    assert "was not run. Its arguments" in (answer.drafts[0].rejection or "")


def test_a_broken_call_after_a_good_one_is_not_lost() -> None:
    """Each marker opens a call."""
    answer = read(f'I look. [TOOL_CALLS]get_weather{PARIS}[TOOL_CALLS]add{{"a": ')

    assert answer.text == "I look."
    assert answer.calls == FIT
    assert answer.rejected == [("add", '{"a": ')]


@pytest.mark.untraced
@pytest.mark.parametrize(
    "text",
    [
        "[TOOL_CALLS] [" * 10_000,
        '[TOOL_CALLS] ["' * 10_000,
        "[TOOL_CALLS] " + "[" * 150_000,
        "[TOOL_CALLS]" + " " * 150_000,
        "{" * 150_000,
        '{"a":' * 30_000,
        "`" * 150_000,
        "<function=" * 15_000,
        "[TOOL" * 30_000,
        "\\[" * 60_000,
        "</s>" * 40_000,
        "<think>" * 20_000,
        "</think>" * 20_000,
        "<|channel|>" * 15_000,
    ],
    ids=lambda text: text[:16],
)
def test_much_nonsense_costs_little(text: str) -> None:
    """Each character is looked at a bounded number of times, also piece by piece."""
    started = time.process_time()

    assert read(text).calls == []
    assert read(text, size=7).calls == []

    assert time.process_time() - started < 5
