"""A program that is killed at every step of a run and started again; prints the outcome.

usage: durable_program.py FOLDER BACKEND

A life that is killed is a process of its own, which ends with `os._exit`; this process goes on with
the run, and knows of that life what is in the files. Run by `test_durable_run.py`.
"""

import gc
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import anyio
from pydantic import TypeAdapter

from agentkit import Agent, AssistantMessage, RunContext, Tool, ToolCall, tool
from agentkit.config.profile import ModelProfile
from agentkit.durable.journal import FileJournal
from agentkit.event import Emit
from agentkit.model import ModelRequest, ModelResponse
from agentkit.model.model import ModelConnection

T = TypeVar("T")
KILLED = 7
MOMENTS = ("before", "begun", "done", "after")


class KillingJournal(FileJournal):
    """Ends the process at one moment of one step."""

    def __init__(self, path: Path, at: tuple[str, str] | None) -> None:
        super().__init__(path)
        self._at = at

    async def do(
        self,
        key: str,
        effect: Callable[[], Awaitable[T]],
        *,
        codec: Callable[[], TypeAdapter[T]],
        unknown: Callable[[], Awaitable[T]] | None = None,
    ) -> T:
        """Do it, unless this is where the process dies."""

        async def killed_here() -> T:
            self._die(key, "begun")
            value = await effect()
            self._die(key, "done")
            return value

        self._die(key, "before")
        value = await super().do(key, killed_here, codec=codec, unknown=unknown)
        self._die(key, "after")
        return value

    def _die(self, name: str, moment: str) -> None:
        if self._at == (name, moment):
            os._exit(KILLED)


class PlainModel:
    """Asks for tools in two turns, then answers; what it says follows from the history."""

    name = "plain:model"
    profile = ModelProfile(family="plain", id="model")

    def __init__(self, folder: Path) -> None:
        self._folder = folder

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
        with (self._folder / "asked.txt").open("a") as file:
            file.write("asked\n")
        turn = sum(isinstance(message, AssistantMessage) for message in request.history) + 1
        if turn == 3:
            return ModelResponse(message=AssistantMessage("done"), finish_reason="stop")
        calls = [
            ToolCall(
                id=f"append00{turn}", name="append", arguments=json.dumps({"line": f"line {turn}"})
            ),
            ToolCall(id=f"look0000{turn}", name="look"),
            ToolCall(
                id=f"mark0000{turn}", name="mark", arguments=json.dumps({"text": f"mark {turn}"})
            ),
        ]
        return ModelResponse(message=AssistantMessage(tool_calls=calls), finish_reason="tool_calls")


def build_tools(folder: Path, *, with_check: bool) -> list[Tool[..., Any]]:
    """Return a tool of each effect class; `append` must never happen twice."""
    lines = folder / "lines.txt"

    async def check(_: RunContext[None], arguments: dict[str, Any]) -> str | None:
        found = lines.exists() and arguments["line"] in lines.read_text().splitlines()
        return f"appended {arguments['line']}" if found else None

    @tool(find_outcome=check if with_check else None)
    def append(line: str) -> str:
        """Append a line."""
        with lines.open("a") as file:
            file.write(f"{line}\n")
        return f"appended {line}"

    @tool(read_only=True)
    def look() -> str:
        """Look."""
        return "looked"

    @tool(idempotent=True)
    def mark(context: RunContext[None], text: str) -> str:
        """Set the mark."""
        (folder / "mark.txt").write_text(text)
        return f"{context.idempotency_key}: {text}"

    return [append, look, mark]


async def live(folder: Path, at: tuple[str, str] | None, *, with_check: bool) -> None:
    """Live one life of the run, and write its history if it comes to its end."""
    agent: Agent[None] = Agent(PlainModel(folder), tools=build_tools(folder, with_check=with_check))
    journal = KillingJournal(folder / "journal.jsonl", at)
    result = await agent.run("go", journal=journal, run_id="run-1")
    (folder / "history.json").write_text(result.history.to_json())
    (folder / "names.json").write_text(json.dumps(journal.names))


def in_a_process(work: Callable[[], None]) -> int:
    """Run `work` in a process of its own and return how it ended."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - the process ends here, whatever it was
            sys.stderr.write(f"{error!r}\n")
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def try_point(folder: Path, backend: str, at: tuple[str, str] | None, *, with_check: bool) -> Any:
    """Kill a run at one point, resume it, and return the outcome."""
    folder.mkdir(parents=True)
    first = partial(anyio.run, partial(live, folder, at, with_check=with_check), backend=backend)
    again = partial(anyio.run, partial(live, folder, None, with_check=with_check), backend=backend)
    end = None if at is None else in_a_process(first)
    again()
    lines = folder / "lines.txt"
    return {
        "at": at,
        "with_check": with_check,
        "end": end,
        "history": (folder / "history.json").read_text(),
        "names": json.loads((folder / "names.json").read_text()),
        "lines": lines.read_text().splitlines(),
        "asked": (folder / "asked.txt").read_text().count("asked"),
    }


def main() -> None:
    """Try every moment of every step."""
    folder, backend = Path(sys.argv[1]), sys.argv[2]
    # What a process has written outlives it; only a power failure would need the disk.
    os.fsync = lambda fd: None  # noqa: ARG005 - the interface
    complete = try_point(folder / "complete", backend, None, with_check=True)
    gc.collect()
    gc.freeze()  # a search for garbage in a child would copy all memory that it shares
    outcomes = [complete]
    for name in complete["names"]:
        for moment in MOMENTS:
            for with_check in (True, False) if name.endswith("/append") else (True,):
                place = folder / f"{name.replace('/', '-')}-{moment}-{with_check}"
                outcomes.append(try_point(place, backend, (name, moment), with_check=with_check))
    json.dump(outcomes, sys.stdout)


if __name__ == "__main__":
    main()
