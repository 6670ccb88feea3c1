"""One answer, cut at every position, or very long."""

import json
from typing import Any

import anyio
import pytest

from tests.corpus.judge import differences
from tests.corpus.play import Case, play

ARGUMENTS = '{"room": "hall", "level": 3}'
CALL = {"name": "set_light", "arguments": json.loads(ARGUMENTS)}
LIGHT = {
    "function": {
        "name": "set_light",
        "description": "Set a light; all lights, without a room",
        "parameters": {
            "type": "object",
            "properties": {"room": {"type": "string"}, "level": {"type": "number"}},
            "additionalProperties": False,
        },
    }
}
RAN: dict[str, Any] = {"outcome": "tool_calls", "tool_calls": [CALL], "text": None, "retry": None}
FOUND = {**RAN, "outcome": "repair"}
REFUSED: dict[str, Any] = {
    "outcome": "error",
    "tool_calls": [],
    "error_kind": "invalid_arguments",
    "retry": "feedback",
    "text": None,
}
TEXT_CALLS = (
    f'[TOOL_CALLS] [{{"name": "set_light", "arguments": {ARGUMENTS}}}]',
    f"[TOOL_CALLS]set_light[ARGS]{ARGUMENTS}",
    f'<tool_call>\n{{"name": "set_light", "arguments": {ARGUMENTS}}}\n</tool_call>',
    f'```json\n{{"name": "set_light", "arguments": {ARGUMENTS}}}\n```',
    f'**\\[TOOL\\_CALLS\\]**: {{"name": "set\\_light", "arguments": {ARGUMENTS}}}',
)


def complete(message: dict[str, Any], expected: dict[str, Any]) -> Case:
    """Return a case with one document."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    return {
        "kind": "response",
        "status": 200,
        "headers": {"content-type": "application/json"},
        "body": {"id": "r", "choices": [choice]},
        "tools": [LIGHT],
        "expected": expected,
    }


def streamed(*deltas: dict[str, Any], expected: dict[str, Any]) -> Case:
    """Return a case with one stream, each delta in its own chunk."""
    reasons = [None] * len(deltas) + ["stop"]
    choices = [
        {"index": 0, "delta": delta, "finish_reason": reason}
        for delta, reason in zip([*deltas, {}], reasons, strict=True)
    ]
    events = [f"data: {json.dumps({'id': 'r', 'choices': [choice]})}\n\n" for choice in choices]
    return {
        "kind": "stream",
        "status": 200,
        "headers": {"content-type": "text/event-stream"},
        "chunks": [*events, "data: [DONE]\n\n"],
        "tools": [LIGHT],
        "expected": expected,
    }


def call(arguments: str) -> dict[str, Any]:
    """Return a message, or a delta, with one call."""
    function = {"name": "set_light", "arguments": arguments}
    return {"tool_calls": [{"index": 0, "id": "abcdefgh1", "function": function}]}


@pytest.mark.parametrize("end", range(1, len(ARGUMENTS)))
async def test_cut_arguments_never_run(end: int) -> None:
    """Not even with a tool that needs no arguments."""
    cut = ARGUMENTS[:end]
    cases = [complete(call(cut), REFUSED), streamed(call(""), call(cut), expected=REFUSED)]

    with anyio.fail_after(60):
        for case in cases:
            assert differences(case, await play(case, is_streamed=True)) == []


@pytest.mark.parametrize("text_call", TEXT_CALLS, ids=range(len(TEXT_CALLS)))
async def test_a_cut_text_call_never_runs_with_other_arguments(text_call: str) -> None:
    """It runs as intended, or it does not run."""
    with anyio.fail_after(60):
        for end in range(1, len(text_call), 5):
            seen = await play(complete({"content": text_call[:end]}, FOUND), is_streamed=True)
            assert seen.ran in ([], [CALL])


@pytest.mark.parametrize("text_call", TEXT_CALLS, ids=range(len(TEXT_CALLS)))
async def test_a_text_call_in_two_deltas_is_never_emitted(text_call: str) -> None:
    """Wherever it is cut, and whatever text precedes it."""
    with anyio.fail_after(60):
        for at in range(1, len(text_call)):
            pieces = [
                {"content": "So.\n"},
                {"content": text_call[:at]},
                {"content": text_call[at:]},
            ]
            pieces = pieces[1:] if text_call.startswith("```") else pieces
            text = None if text_call.startswith("```") else "So."
            case = streamed(*pieces, expected=dict(FOUND, text=text))
            assert differences(case, await play(case, is_streamed=True)) == []


@pytest.mark.parametrize(
    "text",
    [
        "[" * 1_000_000,
        '{"room":' * 120_000,
        '{"room": ' + "[" * 500_000 + "]" * 500_000 + "}",
        '"' * 1_000_000,
        "{'room': '" + "\\" * 1_000_000,
        ARGUMENTS + "}" * 1_000_000 + '"',
        "{}" * 400_000 + "{",
    ],
    ids=range(7),
)
async def test_a_megabyte_of_nonsense_is_rejected_quickly(text: str) -> None:
    """Alone, and after a marker."""
    cases = [
        complete(call(text), REFUSED),
        complete({"content": f"[TOOL_CALLS]set_light{text}"}, REFUSED),
    ]

    with anyio.fail_after(60):
        seen = [await play(case, is_streamed=True) for case in cases]

    assert differences(cases[0], seen[0]) == []
    assert seen[1].ran in (
        [],
        [CALL],
    )  # what follows may be invented


async def test_a_megabyte_of_arguments_runs() -> None:
    """In one delta, in many, and as a text call."""
    room = "hall \"1\" — {'a'} [TOOL_CALLS] \\ \n" * 30_000
    arguments = json.dumps({"room": room})
    expected = {**RAN, "tool_calls": [{"name": "set_light", "arguments": {"room": room}}]}
    size = 10_000
    pieces = [arguments[at : at + size] for at in range(0, len(arguments), size)]
    more = [{"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in pieces]
    text_call = {"content": f"[TOOL_CALLS]set_light{arguments}"}
    cases = [
        complete(call(arguments), expected),
        streamed(call(""), *more, expected=expected),
        complete(text_call, {**expected, "outcome": "repair"}),
    ]

    with anyio.fail_after(60):
        for case in cases:
            assert differences(case, await play(case, is_streamed=True)) == []
