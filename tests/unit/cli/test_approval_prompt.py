"""A person answers about calls on the command line."""

import sys
from collections.abc import Sequence
from typing import Any

import anyio
import pytest
from prompt_toolkit import PromptSession
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from agentkit import Agent, Tool, ToolResult, Verdict, tool
from agentkit.cli import line_prompt
from agentkit.cli.approval_prompt import ApproveMode, AskLine, set_approval_mode, terminal_asker
from agentkit.history import History
from agentkit.message import AssistantMessage
from agentkit.testing.scripted import ScriptedModel, tool_call
from agentkit.tools.validate import ReadyCall, validate_call

DELETE = tool_call("delete", path="a.txt")


class Person:
    """Types lines; keeps what they were asked."""

    def __init__(self, *lines: str | None) -> None:
        self._lines = list(lines)
        self.asked: list[tuple[str, str]] = []

    async def __call__(self, prompt: str, default: str) -> str | None:
        """Type the next line."""
        self.asked.append((prompt, default))
        return self._lines.pop(0)


def build(
    deleted: list[str], *, approval: Any = "ask", rule: Any = None, asks: Any = DELETE
) -> tuple[Agent[Any], ScriptedModel]:
    """Return an agent whose model wants to delete a file, and a record of what it deleted."""

    @tool(approval=approval)
    def delete(path: str) -> str:
        """Delete a file."""
        deleted.append(path)
        return f"deleted {path}"

    model = ScriptedModel(AssistantMessage(tool_calls=[asks]), "Done.")
    return Agent(model, tools=[delete], approve=rule), model


ANSWERS: dict[str, tuple[Sequence[str | None], list[str], str]] = {
    "yes": (["y"], ["a.txt"], "deleted a.txt"),
    "yes as a word": (["  YES "], ["a.txt"], "deleted a.txt"),
    "no": (["n"], [], "The call of 'delete' was refused and was not run. "
           "The reason given: The user denied it."),
    "a reason": (["Keep that file."], [], "The call of 'delete' was refused and was not run. "
                 "The reason given: Keep that file."),
    "help first": (["", "?", "y"], ["a.txt"], "deleted a.txt"),
    "other arguments": (
        ["e", '{"path": "b.txt"}'], ["b.txt"],
        "[The user changed the arguments of this call before it ran, to "
        '{"path": "b.txt"}]\ndeleted b.txt',
    ),
    "other arguments that do not fit": (
        ["e", '{"path": 1}', '{"path": "c.txt"}'], ["c.txt"],
        "[The user changed the arguments of this call before it ran, to "
        '{"path": "c.txt"}]\ndeleted c.txt',
    ),
    "no other arguments after all": (["e", "", "y"], ["a.txt"], "deleted a.txt"),
}  # fmt: skip


@pytest.mark.parametrize(("typed", "done", "result"), ANSWERS.values(), ids=ANSWERS.keys())
async def test_a_typed_line_decides_a_call(
    typed: Sequence[str], done: list[str], result: str
) -> None:
    """In place: the run goes on at once."""
    deleted: list[str] = []
    agent, _ = build(deleted)
    set_approval_mode(agent, ApproveMode.ASK, ask=Person(*typed))

    ended = await agent.run("clean up")

    assert deleted == done
    answer = ended.history[2]
    assert isinstance(answer, ToolResult)
    assert answer.text == result
    assert ended.stop_reason == "answered"


async def test_all_of_a_call_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """However long: what is not shown is not agreed to."""
    path = "x" * 5000
    deleted: list[str] = []
    agent, _ = build(
        deleted,
        asks=tool_call("delete", path=path),
        rule=lambda _: Verdict("ask", reason="It cannot be undone."),
    )
    set_approval_mode(agent, ApproveMode.ASK, ask=Person("y"))

    await agent.run("clean up")

    shown = capsys.readouterr().err
    assert f'? delete {{"path": "{path}"}}' in shown
    assert "It cannot be undone." in shown


async def test_invalid_arguments_are_explained_and_can_be_typed_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The line begins with what was typed last."""
    person = Person("e", "{}", "", "n")
    agent, _ = build([])
    set_approval_mode(agent, ApproveMode.ASK, ask=person)

    await agent.run("clean up")

    assert [default for _, default in person.asked] == ["", '{"path": "a.txt"}', "{}", ""]
    assert "do not fit" in capsys.readouterr().err


@pytest.mark.parametrize("typed", [[None], ["e", None, None]], ids=["at once", "while editing"])
async def test_at_the_end_of_input_the_call_stays_open(typed: list[str | None]) -> None:
    """No one decided about it."""
    deleted: list[str] = []
    agent, _ = build(deleted)
    set_approval_mode(agent, ApproveMode.ASK, ask=Person(*typed))

    ended = await agent.run("clean up")

    assert ended.stop_reason == "suspended"
    assert ended.open_calls == (DELETE,)
    assert deleted == []


MODES: dict[str, tuple[ApproveMode, list[str], str]] = {
    "allow": (ApproveMode.ALLOW, ["a.txt"], "answered"),
    "deny": (ApproveMode.DENY, [], "answered"),
    "ask, without a person": (ApproveMode.ASK, [], "suspended"),
}


@pytest.mark.parametrize(("mode", "done", "reason"), MODES.values(), ids=MODES.keys())
async def test_one_answer_may_be_given_to_all(
    mode: ApproveMode, done: list[str], reason: str
) -> None:
    """For all calls that need approval."""
    deleted: list[str] = []
    agent, _ = build(deleted)
    set_approval_mode(agent, mode)

    ended = await agent.run("clean up")

    assert (deleted, ended.stop_reason) == (done, reason)


@pytest.mark.parametrize("mode", ApproveMode)
async def test_no_one_is_asked_if_the_decision_is_clear(mode: ApproveMode) -> None:
    """Neither about what may run, nor about what must not."""
    deleted: list[str] = []
    allowed, _ = build(deleted, approval="allow")
    denied, _ = build(deleted, approval="deny")
    ruled, _ = build(deleted, rule=lambda _: "deny")
    for agent in (allowed, denied, ruled):
        set_approval_mode(agent, mode, ask=Person())

        assert (await agent.run("clean up")).stop_reason == "answered"

    assert deleted == ["a.txt"]


async def test_an_external_tool_needs_no_question() -> None:
    """A yes would not run it."""
    declared = Tool.external(name="delete", description="Delete.", input_schema={})
    agent: Agent[Any] = Agent(
        ScriptedModel(AssistantMessage(tool_calls=[DELETE])), tools=[declared]
    )
    set_approval_mode(agent, ApproveMode.ASK, ask=Person())

    assert (await agent.run("clean up")).stop_reason == "suspended"


async def test_one_approval_is_requested_at_a_time() -> None:
    """Also where several runs ask at once."""
    inside, most = 0, 0

    async def slow(prompt: str, default: str) -> str | None:  # noqa: ARG001 - as it is called
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await anyio.lowlevel.checkpoint()
        inside -= 1
        return "y"

    deleted: list[str] = []
    agent, _ = build(deleted)
    set_approval_mode(agent, ApproveMode.ASK, ask=slow)
    rule = agent.approve
    assert rule is not None
    tools = {one.name: one for one in await agent.toolset.list_tools(History())}
    ready = validate_call(DELETE, tools)
    assert isinstance(ready, ReadyCall)

    async def ask_one() -> None:
        assert await rule(ready) == Verdict("allow")  # type: ignore[misc]  # ours is async

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(ask_one)

    assert most == 1


class Stream:
    """A standard stream that is or is no terminal."""

    def __init__(self, *, is_terminal: bool) -> None:
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        """Return which it is."""
        return self._is_terminal


@pytest.mark.parametrize("closed", ["stdin", "stderr"])
def test_without_a_terminal_no_one_is_asked(closed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """To read from, and to show the question on."""
    for name in ("stdin", "stderr"):
        monkeypatch.setattr(sys, name, Stream(is_terminal=name != closed))

    assert terminal_asker() is None


TYPED = {"a line": ("gin\r", "begin"), "Ctrl-D": ("\x15\x04", None), "Ctrl-C": ("\x03", "Ctrl-C")}


@pytest.mark.parametrize(("typed", "result"), TYPED.values(), ids=TYPED.keys())
def test_a_line_is_typed_on_the_terminal(
    typed: str, result: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It begins with what is given; Ctrl-D is the end, Ctrl-C stops the run."""
    for name in ("stdin", "stderr"):
        monkeypatch.setattr(sys, name, Stream(is_terminal=True))
    monkeypatch.setattr(line_prompt, "create_output", lambda stdout: DummyOutput())  # noqa: ARG005
    session = PromptSession[str]

    async def ask_with(ask: AskLine) -> str | None:
        with anyio.fail_after(60):
            return await ask("? ", "be")

    with create_pipe_input() as pipe:
        monkeypatch.setattr(
            line_prompt, "PromptSession", lambda output: session(input=pipe, output=output)
        )
        pipe.send_text(typed)
        ask = terminal_asker()
        assert ask is not None
        try:
            found = anyio.run(ask_with, ask)
        except KeyboardInterrupt:
            found = "Ctrl-C"

    assert found == result
