"""`agentkit chat`: a conversation.

In:  lines of a person, on a terminal with line editing, or from a pipe.
Out: answers on standard output.

Ctrl-C stops an answer; what was said and done until then stays in the conversation.
"""

import signal
import sys
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import TypeAlias, cast

import anyio
import anyio.to_thread

from agentkit.agent.agent import Agent
from agentkit.cli.agent_builder import AgentSelection, build_agent
from agentkit.cli.approval_prompt import ApproveMode, set_approval_mode, terminal_asker
from agentkit.cli.commands.run import describe_open_call
from agentkit.cli.exit_codes import OK, print_error
from agentkit.cli.run_display import RunDisplay
from agentkit.cli.signals import run_async
from agentkit.cli.terminal import note, write
from agentkit.errors import AgentKitError
from agentkit.event import ModelResponded, RunEvent, ToolCallFinished, ToolCallRejected
from agentkit.exception_groups import ungrouped
from agentkit.history import History
from agentkit.lazy_import import load_object
from agentkit.message import AssistantMessage, ToolResult, UserMessage
from agentkit.value import dataclass

ReadLine: TypeAlias = Callable[[], Awaitable[str | None]]
"""Gives the next line; None at the end."""

HELP = """\
/help         this list
/tools        what the agent may use
/model        which model answers
/new          forget the conversation and begin anew
/save FILE    store the conversation as JSON
/quit         end, as Ctrl-D does
Ctrl-C stops an answer and keeps the conversation."""
_UNANSWERED = "Not run: nobody answered whether it may."
_STOPPED = "Stopped by the user before it had a result."


def run_chat(selection: AgentSelection, *, approve: ApproveMode = ApproveMode.ASK) -> int:
    """Talk until the person ends it, and return the exit code.

    Raises:
        AgentKitError: something that was named does not exist.
    """
    built = build_agent(selection)
    note(built.banner, style="dim")
    read_line: ReadLine = read_piped_line
    if sys.stdin.isatty():
        reader = cast(
            Callable[[], ReadLine], load_object("agentkit.cli.line_editor:terminal_reader")
        )
        read_line = reader()
        note("Ctrl-C stops an answer, Ctrl-D ends, /help lists what else.", style="dim")
    set_approval_mode(built.agent, approve, ask=terminal_asker())
    conversation = Conversation(agent=built.agent, banner=built.banner)
    return run_async(partial(conversation.talk, read_line))


@dataclass(slots=True, kw_only=True)
class Conversation:
    """An agent and what was said so far."""

    agent: Agent[object]
    banner: str
    history: History = field(default_factory=History)
    screen: RunDisplay = field(default_factory=RunDisplay)

    async def talk(self, read_line: ReadLine) -> int:
        """Answer line after line, until there are no more."""
        async with self.agent:
            while (line := await read_line()) is not None:
                if not line.strip():
                    continue
                if line.lstrip().startswith("/"):
                    if not await self._command(line):
                        break
                    continue
                try:
                    await self._answer(line)
                except AgentKitError as error:
                    print_error(error)
        return OK

    async def _answer(self, line: str) -> None:
        """Answer one line; an error leaves the conversation as it was before the line."""
        asked = self.history.add(UserMessage.of(line))
        happened: list[RunEvent] = []

        async def stop_on_interrupt(scope: anyio.CancelScope) -> None:
            with anyio.open_signal_receiver(signal.SIGINT) as signals:
                async for _ in signals:
                    scope.cancel()

        with ungrouped():
            async with anyio.create_task_group() as group:
                group.start_soon(stop_on_interrupt, group.cancel_scope)
                async with self.agent.stream(asked) as run:
                    async for event in run:
                        happened.append(event)
                        self.screen.show(event)
                self.history = _settle(run.result.history)
                group.cancel_scope.cancel()
                return
        self.history = keep_what_happened(asked, happened)
        write("\n")
        note("Stopped. The conversation goes on.", style="dim")

    async def _command(self, line: str) -> bool:
        """Carry out a line that begins with a slash; say whether to go on."""
        name, _, argument = line.strip().partition(" ")
        match name:
            case "/quit" | "/exit":
                return False
            case "/help":
                note(HELP)
            case "/model":
                note(self.banner)
            case "/tools":
                for tool in await self.agent.toolset.list_tools():
                    note(f"{tool.name}: {tool.description.partition(chr(10))[0]}")
            case "/new":
                self.history = History()
                note("The conversation begins anew.")
            case "/save":
                _save(self.history, argument.strip())
            case _:
                note(f"There is no {name}; /help lists what there is.")
        return True


def keep_what_happened(asked: History, events: Iterable[RunEvent]) -> History:
    """Return the conversation after a stop: what was said and done, and calls left open answered.

    Args:
        asked: the conversation up to the question.
        events: of the run that was stopped.
    """
    history = asked
    results: dict[str, ToolResult] = {}
    for event in events:
        match event:
            case ModelResponded(message=message):
                history = _close(history, results).add(message)
            case ToolCallFinished(result=result) | ToolCallRejected(result=result):
                results[result.call_id] = result
            case _:
                pass
    history = _close(history, results)
    if isinstance(history[-1], AssistantMessage):
        return history
    return history.add(AssistantMessage.of("[stopped by the user]"))


def _close(history: History, results: dict[str, ToolResult]) -> History:
    """Answer the open calls, with their results where there are any."""
    return history.add(
        *(
            results.get(call.id) or ToolResult.of(call.id, _STOPPED, is_error=True)
            for call in history.open_calls
        )
    )


def _settle(history: History) -> History:
    """Return a conversation that can go on: calls about which nobody answered are refused."""
    if not history.open_calls:
        return history
    note(describe_open_call(history.open_calls[0]), style="yellow")
    note("It was not run. The conversation goes on.", style="dim")
    refused = (ToolResult.of(one.id, _UNANSWERED, is_error=True) for one in history.open_calls)
    return history.add(*refused, AssistantMessage.of("[waited for an answer about a call]"))


def _save(history: History, name: str) -> None:
    if not name:
        note("Name a file: /save FILE")
        return
    try:
        Path(name).expanduser().write_text(history.to_json() + "\n", encoding="utf-8")
    except OSError as error:
        note(f"{name!r} cannot be written: {error.strerror}.", style="red")
        return
    note(f"Stored {len(history)} messages in {name}.")


async def read_piped_line() -> str | None:
    """Read a line where nobody types; a thread waits, so that Ctrl-C is not held up."""
    line = await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)
    return line.rstrip("\n") if line else None
