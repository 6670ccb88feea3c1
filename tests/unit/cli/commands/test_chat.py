"""A conversation on the command line."""

import io
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from agentkit import Agent, ConfigError, History, tool
from agentkit.chat import ModelRequest, ModelResponse
from agentkit.cli.agent_builder import AgentSelection
from agentkit.cli.commands.chat import (
    ChatSession,
    ReadLine,
    keep_what_happened,
    read_message,
    read_piped_line,
    run_chat,
)
from agentkit.config.profile import ModelProfile
from agentkit.errors import TransportError
from agentkit.event import (
    Emit,
    ModelResponded,
    RunEvent,
    TextReceived,
    ToolCallFinished,
    ToolCallRejected,
    TurnStarted,
)
from agentkit.message import AssistantMessage, Message, ToolCall, ToolResult, UserMessage
from agentkit.model.model import ModelConnection
from agentkit.testing import ScriptedModel
from agentkit.usage import Usage

TWO_CALLS = AssistantMessage(tool_calls=[ToolCall(id="a", name="f"), ToolCall(id="b", name="f")])


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the user an empty folder for data."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("AGENTKIT_DB", raising=False)


def lines(*texts: str) -> ReadLine:
    """Return a reader of these lines."""
    left = list(texts)

    async def read_line() -> str | None:
        return left.pop(0) if left else None

    return read_line


def conversation(model: ScriptedModel) -> ChatSession:
    """Build a conversation with a model."""
    return ChatSession(agent=Agent(model), banner="scripted (for a test)")


async def test_each_line_goes_on_with_what_was_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Empty lines are skipped."""
    model = ScriptedModel("Hello, Ada.", "You are Ada.")
    talk = conversation(model)

    assert await talk.talk(lines("I am Ada.", "  ", "Who am I?")) == 0

    assert [message.text for message in talk.history] == [
        "I am Ada.",
        "Hello, Ada.",
        "Who am I?",
        "You are Ada.",
    ]
    assert len(model.requests[1].history) == 3
    assert capsys.readouterr().out == "Hello, Ada.\nYou are Ada.\n"


async def test_an_error_is_printed_and_the_conversation_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The line that failed is not part of it."""
    model = ScriptedModel(TransportError("No way there.", kind="connection"), "Hello.")
    talk = conversation(model)

    await talk.talk(lines("first", "second"))

    assert [message.text for message in talk.history] == ["second", "Hello."]
    assert "agentkit: No way there. (try again" in capsys.readouterr().err


async def test_commands_are_carried_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """None of them reaches the model."""

    @tool
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    model = ScriptedModel("Hello.")
    talk = ChatSession(agent=Agent(model, tools=[add]), banner="scripted (for a test)")
    stored = tmp_path / "talk.json"

    await talk.talk(
        lines(
            "Hi", "/help", "/model", "/tools", f"/save {stored}", "/save", f"/save {tmp_path}",
            "/new", "/dance", "/quit", "never read",
        )
    )  # fmt: skip

    shown = capsys.readouterr().err
    assert "Ctrl-C         stop an answer" in shown
    assert "scripted (for a test)" in shown
    assert "add: Add two numbers." in shown
    assert "Saved 2 messages" in shown
    assert "Name a file: /save FILE" in shown
    assert "cannot be written: Is a directory" in shown
    assert "There is no command /dance" in shown
    assert talk.history == History()
    assert [message.text for message in History.from_json(stored.read_text())] == ["Hi", "Hello."]
    assert len(model.requests) == 1


class InterruptedModel:
    """A model that answers, but while its second answer goes on, Ctrl-C is pressed."""

    name = "interrupted:model"
    profile = ModelProfile(family="interrupted", id="model")

    def __init__(self) -> None:
        self.requests: list[ModelRequest] = []

    @asynccontextmanager
    async def open(self) -> AsyncIterator[ModelConnection]:
        """Open it; nothing is connected to."""
        yield self

    async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:
        """Answer; the second time, stop half-way for ever."""
        self.requests.append(request)
        if len(self.requests) == 2:
            await emit(TextReceived("I thi"))
            signal.raise_signal(signal.SIGINT)
            await anyio.sleep_forever()
        return ModelResponse(message=AssistantMessage("Yes."), finish_reason="stop")


async def test_ctrl_c_stops_an_answer_and_keeps_the_conversation(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The next line is answered as if nothing had been."""
    model = InterruptedModel()
    talk = ChatSession(agent=Agent(model), banner="")

    with anyio.fail_after(60):
        await talk.talk(lines("one", "two", "three"))

    assert [message.text for message in talk.history] == [
        "one", "Yes.", "two", "I thi\n[stopped by the user]", "three", "Yes.",
    ]  # fmt: skip
    shown = capsys.readouterr()
    assert shown.out == "Yes.\nI thi\nYes.\n"
    assert "Stopped. The conversation goes on." in shown.err


def responded(message: AssistantMessage) -> ModelResponded:
    """Build the end of an exchange."""
    return ModelResponded(turn=1, message=message, finish_reason="stop", usage=Usage(), seconds=0.0)


def ended(call_id: str, *, is_refused: bool = False) -> RunEvent:
    """Build the end of a call."""
    call, result = ToolCall(id=call_id, name="f"), ToolResult(call_id, f"result {call_id}")
    if is_refused:
        return ToolCallRejected(call=call, result=result)
    return ToolCallFinished(call=call, result=result, seconds=0.0)


STOPPED = AssistantMessage("[stopped by the user]")
OPEN = ToolResult("b", "Stopped by the user before it had a result.", is_error=True)
STOPS: dict[str, tuple[list[RunEvent], list[Message]]] = {
    "in the middle of the answer": (
        [TurnStarted(turn=1), TextReceived("Let "), TextReceived("me")],
        [AssistantMessage("Let me\n[stopped by the user]")],
    ),
    "in the middle of the second answer": (
        [
            TurnStarted(turn=1),
            TextReceived("First"),
            responded(TWO_CALLS),
            ended("a"),
            ended("b"),
            TurnStarted(turn=2),
            TextReceived("Then"),
        ],
        [
            TWO_CALLS,
            ToolResult("a", "result a"),
            ToolResult("b", "result b"),
            AssistantMessage("Then\n[stopped by the user]"),
        ],
    ),
    "before anything": ([], [STOPPED]),
    "in the middle of tools": (
        [responded(TWO_CALLS), ended("a")],
        [TWO_CALLS, ToolResult("a", "result a"), OPEN, STOPPED],
    ),
    "after tools that ended in another order": (
        [responded(TWO_CALLS), ended("b", is_refused=True), ended("a")],
        [TWO_CALLS, ToolResult("a", "result a"), ToolResult("b", "result b"), STOPPED],
    ),
    "after the answer": (
        [responded(AssistantMessage("Done."))],
        [AssistantMessage("Done.")],
    ),
    "in the second turn": (
        [responded(TWO_CALLS), ended("a"), ended("b"), responded(AssistantMessage("Done."))],
        [
            TWO_CALLS,
            ToolResult("a", "result a"),
            ToolResult("b", "result b"),
            AssistantMessage("Done."),
        ],
    ),
}


@pytest.mark.parametrize(("events", "kept"), STOPS.values(), ids=STOPS.keys())
def test_what_happened_before_a_stop_stays_and_the_history_is_consistent(
    events: list[RunEvent], kept: list[Message]
) -> None:
    """A tool that ran did run: the model must know it."""
    asked = History((UserMessage("go"),))

    history = keep_what_happened(asked, events)

    assert list(history) == [UserMessage("go"), *kept]
    assert history.open_calls == ()


async def test_lines_are_read_from_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until its end."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("one\ntwo"))

    with anyio.fail_after(60):
        read = [await read_piped_line() for _ in range(3)]

    assert read == ["one", "two", None]


def test_a_chat_reads_a_pipe_to_its_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Over the sandbox, with the assistant's tools."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("What is 6 * 7?\n"))

    assert run_chat(AgentSelection(model="sandbox:mixtral-8x22b")) == 0
    assert "42" in capsys.readouterr().out


def test_a_chat_that_cannot_begin_says_why() -> None:
    """Before anything is read."""
    with pytest.raises(ConfigError, match="no known provider"):
        run_chat(AgentSelection(model="nowhere:x"))


MESSAGES = {
    "one line": (["hi"], ["hi", None]),
    "several lines": (['"""', "one", "", "two", '"""', "three"], ["one\n\ntwo", "three", None]),
    "several lines at the end": (['"""', "one"], ["one", None]),
    "quotes inside": (['say """ twice'], ['say """ twice', None]),
}


@pytest.mark.parametrize(("typed", "messages"), MESSAGES.values(), ids=MESSAGES.keys())
async def test_a_message_may_have_several_lines(
    typed: list[str], messages: list[str | None]
) -> None:
    """Between lines of three quotes."""
    read_line = lines(*typed)

    assert [await read_message(read_line) for _ in messages] == messages


async def test_the_model_can_be_switched(capsys: pytest.CaptureFixture[str]) -> None:
    """The conversation goes on with the other model; a wrong name changes nothing."""
    prepared: list[Agent[object]] = []
    model = ScriptedModel("Hello.")
    talk = ChatSession(
        agent=Agent(model),
        banner="scripted (for a test)",
        selection=AgentSelection(tools=["calculator"], base_url="http://127.0.0.1:9/v1"),
        prepare=prepared.append,
    )

    await talk.talk(
        lines("Hi", "/model nowhere:x", "/model sandbox:mixtral-8x22b", "What is 6 * 7?", "/model")
    )

    shown = capsys.readouterr()
    assert "begins with no known provider" in shown.err
    assert shown.err.count("sandbox:mixtral-8x22b (--model)") == 2
    assert [message.text for message in talk.history][:3] == ["Hi", "Hello.", "What is 6 * 7?"]
    assert "42" in shown.out
    assert prepared == [talk.agent]
