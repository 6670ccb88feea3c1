"""Calls left in text, in every form, and text that only looks like it."""

import json
import time

import pytest

from agentkit.dialect.text_calls.finder import find_leak
from agentkit.dialect.text_calls.hold_back import LeakGuard

OFFERED = frozenset({"get_weather", "add", "get_current_weather", "fs.read", "now"})
PARIS = '{"city": "Paris"}'
CALL = f'{{"name": "get_weather", "arguments": {PARIS}}}'
FIT = [("get_weather", PARIS)]


def fits(name: str, arguments: str) -> bool:
    """Take anything but a town."""
    return name in OFFERED and "town" not in arguments


def found(text: str) -> tuple[str, list[tuple[str, str]]] | None:
    """Return the text and the calls that were found."""
    leak = find_leak(text, offered=OFFERED, fits=fits)
    if leak is None:
        return None
    return leak.text, [(call.name, call.arguments) for call in leak.calls]


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
@pytest.mark.parametrize(
    "call",
    [
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
    ],
)
def test_a_call_after_a_marker_is_found_in_every_form(marker: str, call: str) -> None:
    """What follows the call is a dream of its result, and is gone."""
    for after in ("", "</s>", "\n</tool_call>", "$$ In Paris it is 20 degrees."):
        assert found(f"{marker}{call}{after}") == ("", FIT)
        assert found(f"I look.\n{marker}{call}{after}") == ("I look.", FIT)


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
            '[TOOL_CALLS]add{"a": 1}\nnow{}', [("add", '{"a": 1}'), ("now", "{}")], id="one marker"
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
        pytest.param(
            '[TOOL_CALLS]add{"a": 1} 1 is the answer. [TOOL_CALLS]now{}',
            [("add", '{"a": 1}')],
            id="a second one after a dream",
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
    ],
)
def test_several_calls_in_one_text_are_all_found(text: str, calls: list[tuple[str, str]]) -> None:
    """Losing the second one silently is what others do."""
    leak = found(text)

    assert leak is not None
    assert leak[1] == calls


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
    ],
)
def test_a_text_that_is_nothing_but_calls_needs_no_marker(text: str) -> None:
    """Servers that drop special tokens drop the marker too."""
    assert found(text) == ("", FIT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello [1] <b>world</b>",
        "Mixtral writes the special token [TOOL_CALLS] before a JSON list of calls.",
        "[TOOL_CALLS]",
        "[TOOL_CALLS] [sic]",
        "[TOOL_CALLS] []",
        "[TOOL_CALLS] {}",
        "[TOOL_CALLS] get_weather",
        "[TOOL_CALLS] get_weather('Paris')",
        "[TOOL_CALLS] missing(city='Paris')",
        '[TOOL_CALLS] [{"name"',
        '[TOOL_CALLS] [{"name": "missing", "arguments": {}}]',
        '[TOOL_CALLS] missing{"a": 1}',
        '[TOOL_CALLS] [{"name": 5, "arguments": {}}]',
        '[TOOL_CALLS] ["add"]',
        "<function=missing>{}</function>",
        'See [TOOL_CALLS] [{"name": "get_weather", "arguments": {"town": 1}}]',
        f"This is how it looks: {CALL}",
        f"{CALL} is how it looks",
        f"```json\n{CALL}\n```\nis how it looks",
        '{"name": "get_weather"}',
        '{"name": "get_weather", "arguments": {"town": 1}}',
        '{"name": "get_weather", "arguments": {}, "description": "tells the weather"}',
        '{"type": "function", "function": {"name": "add", "description": "x", "parameters": {}}}',
        '{"function": {"name": "add", "arguments": {}}, "note": "x"}',
        '{"name": "Ada", "arguments": {}}',
        '{"city": "Paris"}',
        "{not json}",
        "[1, 2]",
        "42",
    ],
)
def test_text_that_is_no_call_stays_text(text: str) -> None:
    """Talking about the marker, an answer in JSON, a tool that is not offered."""
    assert found(text) is None


def test_without_tools_nothing_is_a_call() -> None:
    """There is nothing it could call."""
    assert find_leak(f"[TOOL_CALLS] [{CALL}]", offered=frozenset(), fits=fits) is None


def test_a_lenient_reading_is_reported() -> None:
    """A tool with side effects may want to know."""
    leak = find_leak("[TOOL_CALLS] {'name': 'now'}", offered=OFFERED, fits=fits)

    assert leak is not None
    assert [m.kind for m in leak.calls[0].repairs] == ["leaked_text", "python_literal"]


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
    ],
    ids=lambda text: text[:16],
)
def test_much_nonsense_costs_little(text: str) -> None:
    """Each character is looked at a bounded number of times, also piece by piece."""
    started = time.process_time()

    assert found(text) is None
    guard = LeakGuard(OFFERED)
    for start in range(0, len(text), 7):
        guard.feed(text[start : start + 7])

    assert time.process_time() - started < 5


def guarded(text: str, size: int = 1, offered: frozenset[str] = OFFERED) -> str:
    """Return what is shown of a text that streams in pieces of this size."""
    guard = LeakGuard(offered)
    return "".join(guard.feed(text[i : i + size]) for i in range(0, len(text), size))


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Hello world. [1] <b> {x}", "Hello world. [1] <b> {x}"),
        ("[1] is a note", "[1] is a note"),
        ("[link](x) and `code`.", "[link](x) and `code`."),
        ("**Bold**, ***more*** and\n> quoted.", "**Bold**, ***more*** and\n> quoted."),
        ("*" * 50 + ".", "*" * 50 + "."),
        ("I look.\n**[TOOL_CALLS]** add" + PARIS, "I look.\n"),
        ("> `[TOOL_CALLS]`: functions.add" + PARIS, ""),
        ("**I look**[TOOL_CALLS]add" + PARIS, "**I look**"),
        ("I look.\n```tool_code\nadd(a=1)", "I look.\n"),
        ("I look. <tool_call>\n<function=add>", "I look. "),
        ("So: <tool_call>\n<function=missing> or", "So: <tool_call>\n<function=missing> or"),
        ("So: <tool_call> <b>", "So: <tool_call> <b>"),
        ("``` is a fence", "``` is a fence"),
        ('{"city": "Paris"}', '{"city": "Paris"}'),
        ("{x}", "{x}"),
        ("`code` first", "`code` first"),
        ("  Hello", "  Hello"),
        ("The token [TOOL_CALLS] opens a list", "The token [TOOL_CALLS] opens a list"),
        ("The token [TOOL_CALLS] [sic]", "The token [TOOL_CALLS] [sic]"),
        ("The token [TOOL_CALLS] addition is", "The token [TOOL_CALLS] addition is"),
        (f"I look. [TOOL_CALLS] [{CALL}] dream", "I look. "),
        (f"I look. [TOOL_CALLS]add{PARIS}", "I look. "),
        (f"I look. [TOOL_CALLS]get\\_weather{PARIS}", "I look. "),
        (f"I look. \\[TOOL\\_CALLS\\] [{CALL}]", "I look. "),
        (f"I look.\n<tool_call>\n{CALL}", "I look.\n"),
        (f"I look. <function=add>{PARIS}", "I look. "),
        (f"I look. <function=missing>{PARIS}", f"I look. <function=missing>{PARIS}"),
        (f"I look. [TOOL_CALLS]```json\n{CALL}", "I look. "),
        (CALL, ""),
        (f"[{CALL}]", ""),
        (f" \n```json\n[{CALL}]", ""),
        ("Wait for [TOOL_CA", "Wait for "),
        ("Wait for [TOOL_CALLS]", "Wait for "),
        ("Wait for \\", "Wait for "),
    ],
)
def test_only_what_is_certain_to_be_text_is_shown(text: str, shown: str, size: int) -> None:
    """No part of a marker, however the text is cut; nothing else is held for long."""
    assert guarded(text, size) == shown


def test_without_tools_everything_is_shown_at_once() -> None:
    """There is nothing to wait for."""
    assert guarded("[TOOL_CALLS]", 4, offered=frozenset()) == "[TOOL_CALLS]"


def test_endless_space_is_not_waited_for() -> None:
    """Space at the start is shown in the end; behind a marker it is held as part of it."""
    assert guarded(" " * 1000, 7) == " " * 1000
    assert guarded("{" + " " * 1000, 7) == ""
    assert guarded("[TOOL_CALLS]" + " " * 1000, 7) == ""
