"""A server whose tools try to end it: `python exiting_tools.py stdio` or `… http PORT`."""

import asyncio  # noqa: TID251  # the faults under test are asyncio's
import sys
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext

import anyio

from agentkit import History, tool
from agentkit.mcp import ServerSettings, build_server, serve_http, serve_stdio
from agentkit.tools.tool import Tool
from agentkit.tools.validate import ReadyCall

RELEASED = anyio.Event()


@tool
async def wait() -> str:
    """Wait for the release."""
    await RELEASED.wait()
    return "released"


@tool
async def release() -> str:
    """Let the other call end."""
    RELEASED.set()
    return "done"


@tool
async def exit_async() -> None:
    """Exit as a program does."""
    sys.exit(3)


@tool
def exit_in_thread() -> None:
    """Exit in a thread."""
    sys.exit(3)


@tool
def interrupt_in_thread() -> None:
    """Raise what Ctrl-C raises."""
    raise KeyboardInterrupt


@tool
async def generator_exit() -> None:
    """Raise what ends generators."""
    raise GeneratorExit


@tool
async def cancelled() -> None:
    """Raise a cancellation that no one asked for."""
    raise asyncio.CancelledError


@tool
async def cancelled_child() -> None:
    """Wait for a task that was cancelled."""
    child = asyncio.ensure_future(asyncio.sleep(60))
    child.cancel()
    await child


@tool
async def cancel_itself() -> None:
    """Cancel the task that runs the call."""
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(60)


@tool
async def group() -> None:
    """Raise an exit in a group."""
    raise BaseExceptionGroup("both", [ValueError("a"), SystemExit(3)])


@tool
async def asked() -> str:
    """Be decided by a rule that exits."""
    return "never"


def rule(ready: ReadyCall) -> None:
    """Exit for one tool."""
    if ready.tool.name == "asked":
        sys.exit(3)


class Exits:
    """A toolset that exits when it is listed for the third time."""

    def __init__(self) -> None:
        self._lists = 0

    def open(self) -> AbstractAsyncContextManager[None]:
        """Open nothing."""
        return nullcontext()

    async def list_tools(self, _history: History, /) -> Sequence[Tool]:
        """List no tools, or exit."""
        self._lists += 1
        if self._lists == 3:
            sys.exit(3)
        return ()


TOOLS = [
    exit_async, exit_in_thread, interrupt_in_thread, generator_exit, cancelled, cancelled_child,
    cancel_itself, group, asked,
]  # fmt: skip


async def main() -> None:
    """Serve."""
    settings = ServerSettings(approve=rule, poll_seconds=3600)
    server = build_server([wait, release, *TOOLS, Exits()], settings=settings)
    if sys.argv[1] == "stdio":
        await serve_stdio(server)
    else:
        await serve_http(server, port=int(sys.argv[2]))


if __name__ == "__main__":
    anyio.run(main)
