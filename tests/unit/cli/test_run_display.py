"""What is shown of a run."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from agentkit.chat import FailedExchange, Repair
from agentkit.cli.run_display import RunDisplay, format_call, note_lines, reason_of, show_as_json
from agentkit.content import ImageContent, TextContent
from agentkit.event import (
    AnswerRepaired,
    ContextTrimmed,
    EventRecord,
    HandedOff,
    ModelFailedOver,
    ModelResponded,
    ModelRetried,
    OutputRejected,
    RequestDelayed,
    RequestDowngraded,
    RunEvent,
    RunFinished,
    RunStarted,
    TextReceived,
    ToolCallAbandoned,
    ToolCallFinished,
    ToolCallRejected,
    ToolCallStarted,
    ToolProgressed,
    ToolResultTruncated,
    TurnStarted,
)
from agentkit.message import AssistantMessage, ToolCall, ToolResult
from agentkit.usage import Usage

CALL = ToolCall(id="1", name="add", arguments='{"a": 1, "city": "Köln"}')


def record(event: RunEvent) -> EventRecord:
    """Return the record of an event of an outermost run."""
    return EventRecord(run_id="r", event=event, at=datetime(2024, 1, 1, tzinfo=UTC), seq=1)


def responded(text: str) -> ModelResponded:
    """Build the end of an exchange."""
    return ModelResponded(
        turn=1,
        message=AssistantMessage(text),
        finish_reason="stop",
        usage=Usage(),
        seconds=0.1,
    )


def finished(stop_reason: str = "answered", usage: Usage | None = None, turns: int = 1) -> RunEvent:
    """Build the end of a run."""
    return RunFinished(
        text="x",
        stop_reason=stop_reason,  # type: ignore[arg-type]  # given as a literal
        usage=usage or Usage(),
        turns=turns,
    )


ANSWERS: dict[str, tuple[list[RunEvent], str]] = {
    "streamed": (
        [TurnStarted(turn=1), TextReceived("He"), TextReceived("y"), responded("Hey")],
        "Hey\n",
    ),
    "whole": ([TurnStarted(turn=1), responded("Hey")], "Hey\n"),
    "half streamed": (
        [TurnStarted(turn=1), TextReceived("He"), responded("Hey")],
        "Hey\n",
    ),
    "with its own line end": ([TurnStarted(turn=1), responded("Hey\n")], "Hey\n"),
    "nothing but calls": ([TurnStarted(turn=1), responded("")], ""),
    "two turns": (
        [
            TurnStarted(turn=1),
            TextReceived("Let me see."),
            responded("Let me see."),
            TurnStarted(turn=2),
            TextReceived("42"),
            responded("42"),
        ],
        "Let me see.\n42\n",
    ),
    "repaired after it was shown": (
        [TurnStarted(turn=1), TextReceived("Hey ["), responded("Hey")],
        "Hey [\n",
    ),
}


@pytest.mark.parametrize(("events", "shown"), ANSWERS.values(), ids=ANSWERS.keys())
def test_the_answer_is_on_standard_output_once(
    events: list[RunEvent], shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether it came in pieces or not."""
    screen = RunDisplay()
    for event in events:
        screen.show(record(event))

    assert capsys.readouterr().out == shown


def test_a_tool_call_is_shown_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """With arguments, result and time."""
    screen = RunDisplay()
    screen.show(record(ToolCallStarted(call=CALL)))
    screen.show(record(ToolCallFinished(call=CALL, result=ToolResult("1", "3"), seconds=0.0123)))

    shown = capsys.readouterr()
    assert shown.err == '→ add(a=1, city="Köln")\n← 3  (12 ms)\n'
    assert shown.out == ""


LINES: dict[str, tuple[RunEvent, list[str]]] = {
    "error": (
        ToolCallFinished(call=CALL, result=ToolResult("1", "no", is_error=True), seconds=1),
        ["✗ no  (1000 ms)"],
    ),
    "no text": (
        ToolCallFinished(
            call=CALL,
            result=ToolResult(call_id="1", content=(ImageContent(data="", mime_type="image/png"),)),
            seconds=0,
        ),
        ["← [image]  (0 ms)"],
    ),
    "nothing at all": (
        ToolCallFinished(call=CALL, result=ToolResult(call_id="1"), seconds=0),
        ["← [nothing]  (0 ms)"],
    ),
    "refused": (
        ToolCallRejected(call=CALL, result=ToolResult("1", "a is text", is_error=True)),
        ['→ add(a=1, city="Köln")', "✗ not run: the model was told why"],
    ),
    "progress": (
        ToolProgressed(call_id="1", progress=3, total=10, message="pages"),
        ["  3 of 10 pages"],
    ),
    "progress without an end": (ToolProgressed(call_id="1", progress=0.5), ["  0.5"]),
    "repaired": (
        AnswerRepaired(repair=Repair(kind="text_call", before="[TOOL", after="add")),
        ["  repaired (text_call): [TOOL → add"],
    ),
    "retried": (
        ModelRetried(attempt=1, kind="server", error="500", wait_seconds=1.26),
        ["  retried in 1.3 s: 500"],
    ),
    "delayed": (
        RequestDelayed(wait_seconds=2.04, reason="x-ratelimit-remaining-tokens: 0"),
        ["  waiting 2.0 s for a rate limit: x-ratelimit-remaining-tokens: 0"],
    ),
    "adapted": (
        RequestDowngraded(change="left out 'seed'", error="422"),
        ["  sent again, left out 'seed': 422"],
    ),
    "failed over": (
        ModelFailedOver(failure=FailedExchange(model="oxen:x", kind="server", error="500")),
        ["  trying the next provider; oxen:x: 500"],
    ),
    "shortened": (
        ContextTrimmed(
            dropped_messages=4,
            shortened_results=1,
            tokens_before=70_000,
            tokens_after=60_000,
            window_tokens=65_536,
        ),
        ["  the conversation exceeds the context window: 4 messages left out, 1 results shortened"],
    ),
    "shortened without a summary": (
        ContextTrimmed(
            dropped_messages=2,
            shortened_results=0,
            tokens_before=9,
            tokens_after=5,
            window_tokens=6,
            summary_error="the model gave no text",
        ),
        [
            "  the conversation exceeds the context window: 2 messages left out, "
            "0 results shortened; no summary: the model gave no text"
        ],
    ),
    "left behind": (
        ToolCallAbandoned(call=CALL, seconds=2.5),
        ["  add still runs after 2.5 s and was abandoned"],
    ),
    "cut": (
        ToolResultTruncated(
            call_id="1",
            content=(TextContent("x" * 1200), ImageContent(data="", mime_type="image/png")),
        ),
        ["  a result of 1,200 characters was cut for the model"],
    ),
    "an answer of another type": (
        OutputRejected(attempt=1, reason="Your answer was rejected: age is missing.\nCall f."),
        ["  the answer does not fit: age is missing"],
    ),
    "handed off": (
        HandedOff(call_id="1", agent="clerk"),
        ["  the agent clerk takes over"],
    ),
    "suspended": (
        finished("suspended"),
        ["  1 model call, 0 tokens", "  The run waits for the approval of a call."],
    ),
    "finished": (finished(), ["  1 model call, 0 tokens"]),
    "finished at a limit": (
        finished("max_turns", Usage(input_tokens=1000, cost_usd=Decimal("0.002")), turns=2),
        ["  2 model calls, 1,000 tokens, $0.002", "  The run ended early: max turns."],
    ),
    "estimated": (
        finished(usage=Usage(output_tokens=7, is_estimate=True)),
        ["  1 model call, about 7 tokens"],
    ),
    "not worth a line": (RunStarted(model="x"), []),
}


@pytest.mark.parametrize(("event", "lines"), LINES.values(), ids=LINES.keys())
def test_an_event_has_its_lines(event: RunEvent, lines: list[str]) -> None:
    """Short ones, for people."""
    assert [line.text for line in note_lines(event)] == lines


@pytest.mark.parametrize(
    ("arguments", "formatted"),
    [
        ("{}", "f()"),
        ("", "f()"),
        ('{"a": [1, null]}', "f(a=[1, null])"),
        ("[1]", "f([1])"),
        ("{broken", "f({broken)"),
        ("[" * 100_000, f"f({'[' * 300}… (100,000 characters))"),
    ],
    ids=["empty", "no text", "values", "no object", "broken", "nested too deep"],
)
def test_a_call_is_formatted_with_any_arguments(arguments: str, formatted: str) -> None:
    """They are untrusted."""
    assert format_call(ToolCall(id="1", name="f", arguments=arguments)) == formatted


def test_a_run_inside_a_tool_is_shown_under_the_name_of_its_agent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its answer is the result of the tool, and is not shown twice."""
    screen = RunDisplay()
    events: list[RunEvent] = [
        RunStarted(model="m", agent="clerk"),
        TextReceived("He"),
        responded("Hey"),
        ToolCallStarted(call=CALL),
        finished(),
    ]

    for event in events:
        screen.show(replace(record(event), run_id="inner", parent_id="r", call_id="1"))

    shown = capsys.readouterr()
    assert shown.err == '  [clerk] → add(a=1, city="Köln")\n'
    assert shown.out == ""


def test_events_are_lines_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    """One each, with its type."""
    show_as_json(record(RunStarted(model="x")))

    line = json.loads(capsys.readouterr().out)
    assert (line["run_id"], line["seq"]) == ("r", 1)
    assert (line["event"]["type"], line["event"]["model"]) == ("run_started", "x")


REJECTIONS = {
    "denied": ("The call of 'f' was refused and was not run.", "denied"),
    "denied with a reason": (
        "The call of 'f' was refused and was not run. The reason given: Not today.",
        "Not today.",
    ),
    "wrong arguments": (
        "The call of 'f' was not run. Its arguments do not fit:\n- a: expected an integer\n- b: x\n"
        "Send the call again with these changed and the rest as it was.",
        "its arguments do not fit: a: expected an integer; b: x",
    ),
    "no JSON": (
        "The call of 'f' was not run. Its arguments must be one JSON object: x. Send the call "
        "again with the arguments written as valid JSON.",
        "its arguments are not a JSON object",
    ),
    "an unknown tool": (
        "There is no tool 'g'. The tools are: f. Call one of these, or answer without a tool.",
        "there is no such tool",
    ),
    "a limit": (
        "The call of 'f' was not run: this task may make no more tool calls.",
        "the limit of tool calls is reached",
    ),
    "repaired arguments": (
        'Not run: read as {"a": 1}. Call again with exactly this to confirm, or with other '
        "arguments.",
        "its arguments were repaired, and the model is asked to confirm them",
    ),
    "repaired arguments again": (
        "Not run: the arguments do not fit the tool's schema as they were written. Send them as "
        "strict JSON with values of the right types.",
        "its arguments do not fit",
    ),
    "behind another call": (
        "Not run: it waits for the call before it, of 'f'. Call it again after that one.",
        "it waits for the call before it",
    ),
    "an answer": (
        "Your answer was rejected: it is not one JSON object.\nTo give your final answer, call the "
        "tool final_answer with it, alone.",
        "it is not one JSON object",
    ),
    "an unknown outcome": (
        "The outcome of the call of 'f' is unknown: it was begun, and then the run was "
        "interrupted. Find out by other means whether it took effect, or tell the user.",
        "it was begun before the run was interrupted, and its outcome is unknown",
    ),
    "two answers": (
        "The answer was rejected: there were 2 answers at once. Give one.",
        "there were several answers at once",
    ),
    "another text": ("Do something else.", "the model was told why"),
}


@pytest.mark.parametrize(("text", "reason"), REJECTIONS.values(), ids=REJECTIONS.keys())
def test_a_rejection_is_explained_to_a_person(text: str, reason: str) -> None:
    """Advice in the text is for the model and is not shown."""
    assert reason_of(text) == reason
