"""`agentkit chat`: a conversation.

In:  lines of a person, on a terminal with line editing, or from a pipe.
Out: answers on standard output.

Ctrl-C stops an answer; what was said and done until then stays in the conversation. It is stored in
the user's database, if that can be used.
"""

import signal
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import field, replace
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

import anyio
import anyio.to_thread

from agentkit import cli
from agentkit.agent.agent import Agent
from agentkit.cli.agent_builder import AgentSelection, build_agent
from agentkit.cli.answer_writer import answer_writer
from agentkit.cli.approval_prompt import ApproveMode, set_approval_mode, terminal_asker
from agentkit.cli.commands.run import describe_open_call, introduce
from agentkit.cli.exit_codes import OK, print_error
from agentkit.cli.kept_records import KeptRecords
from agentkit.cli.open_calls import closing_messages
from agentkit.cli.run_display import RunDisplay
from agentkit.cli.run_task import show_run
from agentkit.cli.session_choice import SessionChoice, StoredConversation, open_conversation
from agentkit.cli.signals import run_async
from agentkit.cli.terminal import check_standard_output, note
from agentkit.errors import AgentKitError
from agentkit.event import (
    EventRecord,
    ModelResponded,
    RunEvent,
    TextReceived,
    ToolCallFinished,
    ToolCallRejected,
    TurnStarted,
)
from agentkit.exception_groups import ungrouped
from agentkit.history import History
from agentkit.message import AssistantMessage, Message, ToolResult, UserMessage
from agentkit.value import dataclass

ReadLine: TypeAlias = Callable[[], Awaitable[str | None]]
"""Returns the next line; None at the end."""

HELP = """\
/help          show this list
/tools         list the tools of the agent
/model         show the model; /model PROVIDER:MODEL switches to another
/new           start a new conversation
/sessions      list the stored conversations
/load NAME     go on with one of them
/save FILE     save the conversation as JSON
/quit, /exit   end, as Ctrl-D does
\"\"\"            begin and end a message of several lines; or press Alt-Enter
Ctrl-C         stop an answer; the conversation goes on"""
MULTI_LINE = '"""'

_STOPPED = "Stopped by the user before it had a result."
_STOPPED_ANSWER = "[stopped by the user]"


def run_chat(
    selection: AgentSelection,
    *,
    approve: ApproveMode = ApproveMode.ASK,
    is_raw: bool = False,
    keeps_records: bool = True,
    session: SessionChoice | None = None,
) -> int:
    """Talk until the person ends it, and return the exit code.

    Raises:
        AgentKitError: something that was named does not exist.
    """
    check_standard_output()
    built = build_agent(selection)
    introduce(built)
    read_line: ReadLine = read_piped_line
    if sys.stdin.isatty():
        read_line = cli.line_editor.terminal_reader()
        note("Ctrl-C stops an answer, Ctrl-D ends, /help lists the commands.", style="dim")
    chat = ChatSession(
        agent=built.agent,
        banner=built.banner,
        selection=selection,
        prepare=partial(set_approval_mode, mode=approve, ask=terminal_asker()),
        display=RunDisplay(writer=answer_writer(is_raw=is_raw)),
        keeps_records=keeps_records,
    )
    chat.prepare(built.agent)

    async def talk() -> int:
        async with open_conversation(session or SessionChoice(), by_default=True) as stored:
            chat.stored = stored
            if stored is not None:
                chat.history = await stored.history()
            return await chat.talk(read_line)

    return run_async(talk)


@dataclass(slots=True, kw_only=True)
class ChatSession:
    """An agent and the conversation so far.

    Attributes:
        banner: one line about the model.
        selection: the options, with which an agent is built again for another model.
        prepare: called with each agent before it is used.
        keeps_records: for `agentkit explain last`.
        stored: where the conversation is stored, if it is.
    """

    agent: Agent[object]
    banner: str
    selection: AgentSelection = field(default_factory=AgentSelection)
    prepare: Callable[[Agent[object]], None] = lambda _: None
    history: History = field(default_factory=History)
    display: RunDisplay = field(default_factory=RunDisplay)
    keeps_records: bool = True
    stored: StoredConversation | None = None

    async def talk(self, read_line: ReadLine) -> int:
        """Answer line after line, until there are no more or the person ends it."""
        while await self._talk_with_model(read_line):
            note(self.banner)
        return OK

    async def _talk_with_model(self, read_line: ReadLine) -> bool:
        """Talk with one model and return whether to go on with another."""
        async with self.agent:
            while (text := await read_message(read_line)) is not None:
                if not text.strip():
                    continue
                try:
                    if not text.lstrip().startswith("/"):
                        await self._answer(text)
                        continue
                    next_step = await self._run_command(text)
                    if next_step is not None:
                        return next_step == "switch"
                except AgentKitError as error:
                    print_error(error, model=self.agent.model)
        return False

    async def _answer(self, text: str) -> None:
        """Answer one message; an error leaves the conversation as it was before."""
        stored, question = self.stored, UserMessage(text)
        asked = self.history + [*closing_messages(self.history), question]
        events: list[RunEvent] = []

        def show(record: EventRecord) -> None:
            if record.parent_id is None:
                events.append(record.event)
            self.display.show(record)

        async def stop_on_interrupt(scope: anyio.CancelScope) -> None:
            with anyio.open_signal_receiver(signal.SIGINT) as signals:
                async for _ in signals:
                    scope.cancel()

        with ungrouped():
            async with anyio.create_task_group() as group:
                group.start_soon(stop_on_interrupt, group.cancel_scope)
                result = await show_run(
                    self.agent,
                    asked if stored is None else question,
                    display=self.display,
                    show=show,
                    options={},
                    kept=KeptRecords(is_on=self.keeps_records),
                    stream=None if stored is None else partial(stored.stream, self.agent),
                )
                await self._append(result.history, _deny_open_calls(result.history))
                group.cancel_scope.cancel()
                return
        if stored is None:
            self.history = keep_what_happened(asked, events)
        else:
            history = await stored.history()
            is_answered = not history or isinstance(history[-1], AssistantMessage)
            await self._append(history, () if is_answered else [AssistantMessage(_STOPPED_ANSWER)])
        note("Stopped. The conversation goes on.", style="dim")

    async def _append(self, history: History, messages: Sequence[Message]) -> None:
        """Go on from a history that is stored, after some more messages."""
        if self.stored is not None and messages:
            await self.stored.append(messages)
        self.history = history + messages

    async def _run_command(self, line: str) -> Literal["end", "switch"] | None:
        """Carry out a line that begins with a slash; return what else to do, if anything."""
        name, _, argument = line.strip().partition(" ")
        match name:
            case "/quit" | "/exit":
                return "end"
            case "/help":
                note(HELP)
            case "/model":
                return self._switch_model(argument.strip())
            case "/tools":
                for tool in await self.agent.toolset.list_tools(History()):
                    note(f"{tool.name}: {tool.description.partition(chr(10))[0]}")
            case "/new":
                if self.stored is not None:
                    await self.stored.load(None)
                self.history = History()
                note("A new conversation.")
            case "/sessions" | "/load":
                await self._find_stored(argument.strip(), is_list=name == "/sessions")
            case "/save":
                _save(self.history, argument.strip())
            case _:
                note(f"There is no command {name}; /help lists them.")
        return None

    async def _find_stored(self, name: str, *, is_list: bool) -> None:
        """List the stored conversations, or go on with one of them."""
        if self.stored is None:
            note("The conversations of this chat are not stored.")
        elif is_list:
            for line in await self.stored.list():
                note(line)
        elif not name:
            note("Name a conversation: /load NAME; /sessions lists them.")
        else:
            await self.stored.load(name)
            self.history = await self.stored.history()
            note(f"The conversation {name!r} goes on: {len(self.history)} messages.")

    def _switch_model(self, name: str) -> Literal["switch"] | None:
        """Show the model, or go on with another one."""
        if not name:
            note(self.banner)
            return None
        # A key and an address on the command line belong to the model that was named with them.
        selection = replace(self.selection, model=name, base_url=None, api_key_env=None)
        built = build_agent(selection)
        self.prepare(built.agent)
        self.agent, self.banner, self.selection = built.agent, built.banner, selection
        return "switch"


async def read_message(read_line: ReadLine) -> str | None:
    """Return the next message: a line, or the lines between two lines that hold three quotes."""
    line = await read_line()
    if line is None or line.strip() != MULTI_LINE:
        return line
    lines: list[str] = []
    while (line := await read_line()) is not None and line.strip() != MULTI_LINE:
        lines.append(line)
    return "\n".join(lines)


def keep_what_happened(asked: History, events: Iterable[RunEvent]) -> History:
    """Return the conversation after a stop: what was said and done, with all open calls answered.

    Args:
        asked: the conversation up to the question.
        events: of the run that was stopped.
    """
    history = asked
    results: dict[str, ToolResult] = {}
    partial_text = ""
    for event in events:
        match event:
            case TurnStarted():
                partial_text = ""
            case TextReceived(text):
                partial_text += text
            case ModelResponded(message=message):
                partial_text = ""
                history = _close(history, results) + [message]
            case ToolCallFinished(result=result) | ToolCallRejected(result=result):
                results[result.call_id] = result
            case _:
                pass
    history = _close(history, results)
    if isinstance(history[-1], AssistantMessage):
        return history
    return history + [AssistantMessage(f"{partial_text}\n{_STOPPED_ANSWER}".lstrip())]


def _close(history: History, results: dict[str, ToolResult]) -> History:
    """Answer the open calls, with their results if there are any."""
    return history + (
        results.get(call.id) or ToolResult(call.id, _STOPPED, is_error=True)
        for call in history.open_calls
    )


def _deny_open_calls(history: History) -> Sequence[Message]:
    """Return what lets a conversation go on: calls that no one approved are denied."""
    if history.open_calls:
        note(describe_open_call(history.open_calls[0]), style="yellow")
        note("It was not run. The conversation goes on.", style="dim")
    return closing_messages(history)


def _save(history: History, name: str) -> None:
    if not name:
        note("Name a file: /save FILE")
        return
    try:
        Path(name).expanduser().write_text(history.to_json() + "\n", encoding="utf-8")
    except OSError as error:
        note(f"{name!r} cannot be written: {error.strerror}.", style="red")
        return
    note(f"Saved {len(history)} messages to {name}.")


async def read_piped_line() -> str | None:
    """Read a line from a pipe; in a thread, so that Ctrl-C is not delayed."""
    line = await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)
    return line.rstrip("\n") if line else None
