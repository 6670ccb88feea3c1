"""Four runs whose effects are counted outside their journals, and journals that stop them.

In:  a journal, a ledger.
Out: the history and the events of one life of a run.

What a model answers follows from the history it is given, and each tool with an effect has a
`find_outcome`: so a run that was stopped anywhere must end as one that was not.
"""

import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar

import anyio.lowlevel
from pydantic import TypeAdapter

from agentkit import Agent, Approval, AssistantMessage, History, RunContext, Tool, handoff, tool
from agentkit.config.profile import ModelProfile
from agentkit.durable.journal import FileJournal, MemoryJournal
from agentkit.event import Emit, Listener
from agentkit.message import ToolCall
from agentkit.model import ModelRequest, ModelResponse
from agentkit.model.model import ModelConnection

T = TypeVar("T")
Turns = Callable[[int], AssistantMessage]


class Ledger:
    """What was really done: one line of a file each, so that it outlives a process."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, line: str) -> None:
        """Note that something was done."""
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(handle, f"{line}\n".encode())
        os.close(handle)

    @property
    def lines(self) -> list[str]:
        """Return what was done, oldest first."""
        return self._path.read_text().splitlines() if self._path.exists() else []

    def done_twice(self) -> list[str]:
        """Return the effects that happened more than once; models may be asked again."""
        return [
            line
            for line, count in Counter(self.lines).items()
            if count > 1 and not line.startswith(("asked ", "looked "))
        ]


class LedgerModel:
    """Answers by the number of answers in the history; notes each request."""

    def __init__(self, ledger: Ledger, name: str, turns: Turns) -> None:
        self.name = f"ledger:{name}"
        self.profile = ModelProfile(family="ledger", id=name)
        self._ledger = ledger
        self._turns = turns

    @asynccontextmanager
    async def open(self) -> AsyncIterator[ModelConnection]:
        """Open it."""
        yield self

    async def chat(
        self,
        request: ModelRequest,
        *,
        emit: Emit,  # noqa: ARG002 - the interface
    ) -> ModelResponse:
        """Answer."""
        turn = sum(isinstance(message, AssistantMessage) for message in request.history) + 1
        await anyio.lowlevel.checkpoint()
        self._ledger.add(f"asked {self.name} {turn}")
        message = self._turns(turn)
        reason: Any = "tool_calls" if message.tool_calls else "stop"
        return ModelResponse(message=message, finish_reason=reason)


_ledger: ContextVar[Ledger] = ContextVar("ledger")
"""The ledger of the life that is lived; the tools are made once, for all lives."""


async def _perform(line: str) -> str:
    await anyio.lowlevel.checkpoint()
    _ledger.get().add(f"appended {line}")
    await anyio.lowlevel.checkpoint()
    return f"appended {line}"


async def _find(_: RunContext[None], arguments: dict[str, Any]) -> str:
    line = arguments["line"]
    is_done = f"appended {line}" in _ledger.get().lines
    return f"appended {line}" if is_done else await _perform(line)


@tool(find_outcome=_find)
async def append(line: str) -> str:
    """Append a line."""
    return await _perform(line)


@tool(read_only=True)
async def look() -> str:
    """Look."""
    await anyio.lowlevel.checkpoint()
    _ledger.get().add("looked here")
    return "looked"


TOOLS: list[Tool[..., Any]] = [append, look]
"""One whose effect must happen once, and one that only reads."""


def _append(line: str) -> ToolCall:
    return ToolCall(id=line.ljust(9, "0"), name="append", arguments=json.dumps({"line": line}))


def _asks(*turns: list[ToolCall]) -> Turns:
    """Return the turns of a model that makes these calls, and then answers."""

    def answer(turn: int) -> AssistantMessage:
        if turn > len(turns):
            return AssistantMessage(f"done after {turn}")
        return AssistantMessage(tool_calls=turns[turn - 1])

    return answer


class Life:
    """What one life of a run needs."""

    def __init__(self, journal: Any, ledger: Ledger, listener: Listener | None = None) -> None:
        self.ledger = ledger
        _ledger.set(ledger)
        self.options: dict[str, Any] = {"journal": journal, "run_id": "run-1"}
        if listener is not None:
            self.options["listener"] = listener

    def model(self, name: str, *turns: list[ToolCall]) -> LedgerModel:
        """Return a model that makes these calls, and then answers."""
        return LedgerModel(self.ledger, name, _asks(*turns))


def build_two_turns(life: Life) -> Agent[Any]:
    """Return an agent that makes two turns of two calls each."""
    look = [ToolCall(id=f"look0000{n}", name="look") for n in (1, 2)]
    model = life.model("one", [_append("a"), look[0]], [_append("b"), look[1]])
    return Agent(model, tools=TOOLS)


async def two_turns(life: Life) -> History:
    """Two turns of two calls each."""
    history: History = (await build_two_turns(life).run("go", **life.options)).history
    return history


def build_agents_in_parallel(life: Life) -> Agent[Any]:
    """Return an agent that calls two others in one turn."""
    inner = [
        Agent(
            life.model(name, [_append(f"{name}{1}"), _append(f"{name}{2}")]),
            name=name,
            tools=TOOLS,
        )
        for name in ("left", "right")
    ]
    calls = [
        ToolCall(id=a.name.ljust(9, "0"), name=a.name, arguments='{"prompt": "go"}') for a in inner
    ]
    return Agent(
        life.model("outer", calls),
        name="outer",
        tools=[agent.as_tool(parallel=True) for agent in inner],
    )


async def agents_in_parallel(life: Life) -> History:
    """Two agents as tools of a third, in one turn."""
    history: History = (await build_agents_in_parallel(life).run("go", **life.options)).history
    return history


def build_handed_off(life: Life) -> Agent[Any]:
    """Return an agent that passes its run on to another one."""
    second = Agent(
        # Its first turn is the second of the conversation.
        life.model("second", [], [_append("c"), _append("d")]),
        name="second",
        tools=TOOLS,
    )
    give = ToolCall(id="transfer1", name="transfer_to_second")
    return Agent(
        life.model("first", [_append("a"), give]),
        name="first",
        tools=[*TOOLS, handoff(second)],
    )


async def handed_off(life: Life) -> History:
    """A run that another agent goes on with."""
    history: History = (await build_handed_off(life).run("go", **life.options)).history
    return history


def build_suspended_twice(life: Life) -> Agent[Any]:
    """Return an agent each of whose two turns waits for an approval."""
    model = life.model("one", [_append("a"), _append("b")], [_append("c"), _append("d")])
    return Agent(model, tools=TOOLS, approve=lambda _request: "ask")


async def suspended_twice(life: Life) -> History:
    """Each turn waits for an approval, and goes on under the same journal and id."""
    agent = build_suspended_twice(life)
    result = await agent.run("go", **life.options)
    for segment in (2, 3):
        assert result.stop_reason == "suspended"
        approvals = [Approval.approve(call) for call in result.open_calls]
        result = await agent.run(history=result.history, approvals=approvals, **life.options)
        assert result.segment == segment
    assert result.stop_reason == "answered"
    history: History = result.history
    return history


SCENARIOS: Mapping[str, Callable[[Life], Awaitable[History]]] = {
    scenario.__name__: scenario
    for scenario in (two_turns, agents_in_parallel, handed_off, suspended_twice)
}


AGENTS: Mapping[str, Callable[[Life], Agent[Any]]] = {
    "two_turns": build_two_turns,
    "agents_in_parallel": build_agents_in_parallel,
    "handed_off": build_handed_off,
    "suspended_twice": build_suspended_twice,
}
"""The agents of the scenarios, for runs that a worker does."""


class Moments:
    """Counts the moments before and after each effect and each write; stops at one of them."""

    def __init__(self, stop: Callable[[], None], *, at: int | None = None) -> None:
        self.count = 0
        self._stop = stop
        self._at = at

    def reach(self) -> None:
        """Count one moment."""
        self.count += 1
        if self.count == self._at:
            self._stop()


class StoppingMemoryJournal(MemoryJournal):
    """A journal in memory that reaches `moments`, and keeps every key that was written."""

    def __init__(self, written: list[tuple[str, str]]) -> None:
        super().__init__()
        self.moments = Moments(lambda: None)
        self._written = written

    async def do(
        self,
        key: str,
        effect: Callable[[], Awaitable[T]],
        *,
        codec: Callable[[], TypeAdapter[T]],
        unknown: Callable[[], Awaitable[T]] | None = None,
    ) -> T:
        """Do it; the moments are before and after the effect."""
        return await super().do(
            key,
            _between(self, effect),
            codec=codec,
            unknown=None if unknown is None else _between(self, unknown),
        )

    async def _note(self, entry: dict[str, str]) -> None:
        self.moments.reach()
        await anyio.lowlevel.checkpoint()  # a write is an await point, as that of a file is
        self._written.extend(entry_keys(entry))
        await anyio.lowlevel.checkpoint()
        self.moments.reach()


class StoppingFileJournal(FileJournal):
    """A journal in a file that reaches `moments`."""

    def __init__(self, path: Path, moments: Moments) -> None:
        super().__init__(path)
        self.moments = moments

    async def do(
        self,
        key: str,
        effect: Callable[[], Awaitable[T]],
        *,
        codec: Callable[[], TypeAdapter[T]],
        unknown: Callable[[], Awaitable[T]] | None = None,
    ) -> T:
        """Do it; the moments are before and after the effect."""
        return await super().do(
            key,
            _between(self, effect),
            codec=codec,
            unknown=None if unknown is None else _between(self, unknown),
        )

    async def _note(self, entry: dict[str, str]) -> None:
        self.moments.reach()
        await super()._note(entry)
        self.moments.reach()


def _between(
    journal: StoppingMemoryJournal | StoppingFileJournal, effect: Callable[[], Awaitable[T]]
) -> Callable[[], Awaitable[T]]:
    async def between() -> T:
        journal.moments.reach()
        value = await effect()
        journal.moments.reach()
        return value

    return between


def entry_keys(entry: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the key that an entry of a journal is for, with its kind."""
    return [(kind, entry[kind]) for kind in ("begun", "done") if kind in entry]


def file_keys(path: Path) -> list[tuple[str, str]]:
    """Return all keys that a journal file holds."""
    return [key for line in path.read_text().splitlines() for key in entry_keys(json.loads(line))]
