"""Marks in text are read as a model reads them, and written as it writes them."""

import pytest

from agentkit.message import ToolCall
from agentkit.sandbox.planner.plan_request import CallRecord
from agentkit.sandbox.wire.completion import Completion
from agentkit.sandbox.wire.prompt_markers import (
    as_text,
    find_offer,
    find_results,
    pair,
    read_calls,
    read_offer,
    read_parts,
    read_result,
)

OFFER = '[{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]'


def _completion(*arguments: str, reason: str = "tool_calls") -> Completion:
    calls = tuple(ToolCall(id="abcdefgh1", name="f", arguments=one) for one in arguments)
    return Completion(
        text="",
        calls=calls,
        finish_reason="length" if reason == "length" else "tool_calls",
        prompt_tokens=1,
        completion_tokens=1,
    )


def test_a_prompt_is_cut_into_its_parts() -> None:
    """Each with its kind; the last one may be open."""
    parts = read_parts(
        f"<s>[INST] hi[/INST] there</s>[AVAILABLE_TOOLS] {OFFER}[/AVAILABLE_TOOLS][INST] go[/INST]"
        '[TOOL_CALLS] [{"name": "f"}]</s>[TOOL_RESULTS] {"content": 1}[/TOOL_RESULTS][TOOL_CALLS]'
    )

    assert [(part.kind, part.text, part.is_open) for part in parts] == [
        ("user", "hi", False),
        ("assistant", "there", False),
        ("offer", OFFER, False),
        ("user", "go", False),
        ("calls", '[{"name": "f"}]', False),
        ("result", '{"content": 1}', False),
        ("calls", "", True),
    ]


def test_an_offer_is_read_anywhere_in_a_text() -> None:
    """Items that are not tools are skipped."""
    (tool,) = find_offer(f"You may call: [AVAILABLE_TOOLS] {OFFER}[/AVAILABLE_TOOLS] Do.")

    assert (tool.name, tool.description, tool.input_schema) == ("f", "", {"type": "object"})
    assert find_offer("nothing on offer") == ()
    assert read_offer("not json") == ()
    assert read_offer('[1, {"name": 2}, {"function": 3}]') == ()
    assert read_offer('{"name": "g", "description": "G.", "parameters": 1}')[0].input_schema == {}


def test_calls_and_results_are_paired() -> None:
    """By id if there is one, else by position."""
    calls = read_calls('[{"name": "f", "arguments": {"x": 1}, "id": "a"}, {"name": "g"}, {}]')
    results = find_results(
        '[TOOL_RESULTS] {"content": {"y": 2}, "call_id": "b"}[/TOOL_RESULTS]\n'
        '[TOOL_RESULTS] {"content": "one", "call_id": "a"}[/TOOL_RESULTS]'
    )

    assert calls == [
        ("a", CallRecord(name="f", arguments={"x": 1})),
        ("", CallRecord(name="g", arguments={})),
    ]
    assert results == [("b", '{"y": 2}'), ("a", "one")]
    assert [made.result for made in pair(calls, results)] == ["one", "one"]
    assert [made.result for made in pair(calls, [])] == [None, None]
    assert read_result("plain words") == ("", "plain words")


@pytest.mark.parametrize(
    ("completion", "marker", "begun", "text"),
    [
        (
            _completion('{"x": 1}', "{}"),
            "[TOOL_CALLS]",
            "",
            '[TOOL_CALLS] [{"name": "f", "arguments": {"x": 1}}, {"name": "f", "arguments": {}}]',
        ),
        (_completion("{}"), "", "", ' [{"name": "f", "arguments": {}}]'),
        (_completion('{"x": 1}'), "", '[{"name": "f", "arguments":', ' {"x": 1}}]'),
        (_completion('{"x', reason="length"), "", "", ' [{"name": "f", "arguments": {"x'),
    ],
    ids=["marked", "plain", "begun", "cut"],
)
def test_calls_are_written_as_the_model_writes_them(
    completion: Completion, marker: str, begun: str, text: str
) -> None:
    """Nothing closes what the limit cut."""
    written = as_text(completion, marker=marker, prefix=begun)

    assert (written.text, written.calls) == (text, ())
    assert written.finish_reason == ("length" if completion.finish_reason == "length" else "stop")


def test_text_stays_as_it_is() -> None:
    """There are no calls to write."""
    said = _completion()

    assert as_text(said) is said
