"""Serve MCP on standard input and output.

In:  a server of the SDK.
Out: the protocol on standard output, and nothing else; output of tools goes to standard error.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Any, Self, cast

import anyio
import anyio.to_thread
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from agentkit.exception_groups import ungrouped


async def serve_stdio(server: Server[Any]) -> None:
    """Serve one client until it disconnects. Nothing else may use the streams meanwhile.

    After a cancellation, the thread that reads standard input may keep waiting: it cannot be
    interrupted, and ends with standard input or the process.
    """
    with ungrouped(), _input() as lines:
        async with stdio_server(stdin=cast(anyio.AsyncFile[str], lines)) as (incoming, outgoing):
            # Buffered output of the caller must not appear inside the protocol stream.
            sys.stdout.flush()
            try:
                await server.run(incoming, outgoing, server.create_initialization_options())
            finally:
                sys.stdout.flush()


class _Lines:
    """The lines of a file, read by a thread that is abandoned on cancellation, e.g. by Ctrl-C."""

    def __init__(self, file: TextIOWrapper) -> None:
        self._file = file

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        line = await anyio.to_thread.run_sync(self._file.readline, abandon_on_cancel=True)
        if not line:
            raise StopAsyncIteration
        return line


@contextmanager
def _input() -> Iterator[_Lines]:
    """Replace standard input with an empty one for tools and the processes they start."""
    sys.stdin.flush()
    number = sys.stdin.fileno()
    wire = os.dup(number)
    with open(os.devnull, "rb") as empty:  # noqa: PTH123  # only the descriptor is needed
        os.dup2(empty.fileno(), number)
    try:
        # Not closed: a thread may still read there.
        yield _Lines(TextIOWrapper(os.fdopen(wire, "rb", closefd=False), "utf-8", "replace"))
    finally:
        os.dup2(wire, number)
