"""The forms in which calls stand in text, and calls of which not all can be read."""

import pytest

from agentkit.dialect.argument_repair import repair_arguments
from agentkit.dialect.text_calls.finder import find_leak

OFFERED = frozenset({"get_weather", "add"})
PARIS = '{"city": "Paris"}'
CALL = f'{{"name": "get_weather", "arguments": {PARIS}}}'
PRECISE = "0.12345678901234567890123"


def fits(name: str, arguments: str) -> bool:
    """Take any object for an offered tool, but no town."""
    repaired = repair_arguments(
        arguments, schema={}, is_valid=lambda value: isinstance(value, dict)
    )
    return name in OFFERED and repaired is not None and "town" not in repaired.value


def found(text: str) -> tuple[str, list[tuple[str, str]]] | None:
    """Return the text and the calls that were found."""
    leak = find_leak(text, offered=OFFERED, fits=fits)
    if leak is None:
        return None
    return leak.text, [(call.name, call.arguments) for call in leak.calls]


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
        "<tool_call>\n<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n</function>\n"
        "</tool_call>",
        "<function=get_weather><parameter=city>Paris</parameter></function>",
        f'{{"role": "assistant", "content": "", "tool_calls": [{{"function": {CALL}}}]}}',
        f'{{"action": "get_weather", "action_input": {PARIS}}}',
    ],
)
def test_a_call_is_found_in_every_form(text: str) -> None:
    """With nothing of the marker left in the text."""
    assert found(text) == ("", [("get_weather", PARIS)])


def test_a_form_without_types_leaves_all_as_text() -> None:
    """The schema tells what else it may be; a line break inside stays."""
    text = (
        "<function=add>\n<parameter=a>\n1\n</parameter>\n"
        "<parameter=b>\n\ntwo\n\nlines\n</parameter>\n</function>"
    )

    assert found(text) == ("", [("add", '{"a": "1", "b": "\\ntwo\\n\\nlines"}')])


def test_values_of_a_python_call_keep_their_types() -> None:
    """They are read as JSON with an accent is."""
    text = "[TOOL_CALLS] add(a=1.5, b=[True, None], c={'d': -2})"

    assert found(text) == ("", [("add", '{"a": 1.5, "b": [true, null], "c": {"d": -2}}')])


def test_a_tag_without_parameters_is_a_call_without_arguments() -> None:
    """If the tag is closed."""
    assert found("<function=add>\n</function>") == ("", [("add", "{}")])


def test_a_mark_that_belongs_to_a_word_stays_with_it() -> None:
    """Only what decorates the marker goes with it."""
    assert found(f"**I look.**[TOOL_CALLS] {CALL}") == ("**I look.**", [("get_weather", PARIS)])


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        (f"[TOOL_CALLS] [{CALL}", f"{PARIS}}}"),
        (f"[TOOL_CALLS]\n```json\n[{CALL}, {{", f"{PARIS}}}, {{"),
        ('[TOOL_CALLS]get_weather{"city": "Par', '{"city": "Par'),
        (f"[TOOL_CALLS]get_weather{{}}{PARIS}", f"{{}}{PARIS}"),
        ('<function=get_weather>{"city": "Par', '{"city": "Par'),
        (f"[TOOL_CALLS]get_weather{{'n': {PRECISE}}}", f"{{'n': {PRECISE}}}"),
        ('[TOOL_CALLS] [{"name": "get_weather"', '[{"name": "get_weather"'),
        (
            '[TOOL_CALLS] [{"name": "get_weather", "arguments": [1]}]',
            '[{"name": "get_weather", "arguments": [1]}]',
        ),
        (
            '[TOOL_CALLS] {"name": "get_weather", "arguments": ',
            '{"name": "get_weather", "arguments": ',
        ),
    ],
)
def test_a_call_that_cannot_be_read_keeps_its_text(text: str, arguments: str) -> None:
    """So that the model is told, and no one is shown a marker; it never becomes an empty object."""
    assert found(text) == ("", [("get_weather", arguments)])


def test_a_broken_call_after_a_good_one_is_not_lost() -> None:
    """Each marker opens a call."""
    text = f'I look. [TOOL_CALLS]get_weather{PARIS}[TOOL_CALLS]add{{"a": '

    assert found(text) == ("I look.", [("get_weather", PARIS), ("add", '{"a": ')])


@pytest.mark.parametrize(
    "text",
    [
        "[TOOL_CALLS] get_weather('Paris')",
        "[TOOL_CALLS] get_weather(city='Paris' day=1)",
        "[TOOL_CALLS] get_weather(city='Paris', city='Rome')",
        "[TOOL_CALLS] get_weather(city='Paris'",
        "[TOOL_CALLS] missing(city='Paris')",
        "[TOOL_CALLS] is a token",
        '[TOOL_CALLS] {"nam',
        '[TOOL_CALLS] [{"name": "missing", "arguments": {"a": ',
        'See [TOOL_CALLS] [{"name": "get_weather", "arguments": {"city": "Par',
        "```python\nget_weather(city='Paris')\n```",
        f'{{"role": "assistant", "content": "Hello", "tool_calls": [{CALL}]}}',
        '{"role": "assistant", "tool_calls": []}',
        f'{{"role": "assistant", "tool_calls": {CALL}, "note": "x"}}',
    ],
)
def test_what_cannot_be_a_call_stays_text(text: str) -> None:
    """No value is given to a parameter that was not named."""
    assert found(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "<function=add><parameter=a>1</parameter>",
        "<function=add><parameter=a>1",
        "<function=add><parameter=a>1</parameter><parameter=a>2</parameter></function>",
    ],
)
def test_parameters_without_an_end_are_no_arguments(text: str) -> None:
    """Which they were is not guessed; the model is asked for the call again."""
    leak = found(text)

    assert leak is not None
    (call,) = leak[1]
    assert call[0] == "add"
    assert not fits(*call)
