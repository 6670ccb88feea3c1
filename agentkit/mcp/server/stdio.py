"""Serve MCP on standard input and output.

In:  a server of the SDK.
Out: the protocol on standard output, and nothing else: what tools print goes to standard error.
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
    """Serve one client, until it hangs up. Nothing else may read or write there meanwhile.

    Where it is cancelled, a thread may go on that waits for a line: it cannot be woken, and ends
    with standard input or the process.
    """
    with ungrouped(), _input() as lines:
        async with stdio_server(stdin=cast(anyio.AsyncFile[str], lines)) as (incoming, outgoing):
            # What was printed and is still buffered must not come out where the protocol is.
            sys.stdout.flush()
            try:
                await server.run(incoming, outgoing, server.create_initialization_options())
            finally:
                sys.stdout.flush()


class _Lines:
    """The lines of a file, read by a thread that is not waited for: Ctrl-C ends at once."""

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
    """Take standard input away from tools and what they start; they find it empty."""
    sys.stdin.flush()
    number = sys.stdin.fileno()
    wire = os.dup(number)
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123  # a descriptor is what is needed
        os.dup2(nothing.fileno(), number)
    try:
        # Not closed: a thread may still read there.
        yield _Lines(TextIOWrapper(os.fdopen(wire, "rb", closefd=False), "utf-8", "replace"))
    finally:
        os.dup2(wire, number)
