"""Run an MCP server as a process, and exchange messages over its standard streams.

In:  a command, its arguments, environment and folder.
Out: the two streams that the SDK's client reads and writes; no process is left behind.

Input is bounded: a message that is too long is replaced by an error, lines that are not messages
are counted, and of the error output only the end is kept.
https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#stdio
"""

import os
import signal
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE
from typing import Any, cast

import anyio
import mcp_types as types
from anyio.abc import ByteReceiveStream, ByteSendStream, Process
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client.stdio import get_default_environment
from mcp.shared.message import SessionMessage

from agentkit.exception_groups import ungrouped
from agentkit.json_schema.validator import shorten
from agentkit.log import Log
from agentkit.mcp.client.repair.messages import ENDS, WaitingRequests, error_for, parse_messages
from agentkit.mcp.client.repair.streams import repair_message

GRACE_SECONDS = 1.0
"""Time for a process to end after its input is closed, and again after SIGTERM."""

MAX_INVALID_LINES = 1_000
"""The connection ends after this many consecutive lines that are not messages."""

_ERROR_LINES = 20
_CLOSED = (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError)

log: Log = Log("agentkit.mcp")

Streams = tuple[
    MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]
]


class ServerStartError(Exception):
    """The server cannot be started as configured; another attempt would fail too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """How to start a server.

    Attributes:
        command: the program, found on the PATH.
        args: its arguments.
        env: variables for it, in addition to HOME, PATH and the like; it inherits no others.
        cwd: its working folder; the current one if None.
    """

    command: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    cwd: str | Path | None = None


class ServerProcess:
    """One lifetime of a server's process."""

    def __init__(self, command: Command, *, max_bytes: int, report: Callable[[str], None]) -> None:
        self._command = command
        self._max_bytes = max_bytes
        self._report = report
        self._waiting = WaitingRequests(report)
        self._errors: deque[str] = deque(maxlen=_ERROR_LINES)
        self.ended: anyio.Event = anyio.Event()

    @property
    def last_output(self) -> str:
        """Return the end of its error output."""
        return shorten("\n".join(self._errors).strip()[-2_000:], 2_000)

    def streams(self) -> AbstractAsyncContextManager[Streams]:
        """Start the process, and yield the streams for the SDK's client.

        Raises:
            ServerStartError: the program does not exist or may not be run.
        """
        return self._streams()

    @asynccontextmanager
    async def _streams(self) -> AsyncIterator[Streams]:
        command = self._command
        process = await _start(command)
        incoming, received = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        sent, outgoing = anyio.create_memory_object_stream[SessionMessage](0)
        stdin, stdout, stderr = _pipes(process)
        with ungrouped():
            async with anyio.create_task_group() as group, incoming, received, sent, outgoing:
                group.start_soon(self._read, stdout, incoming)
                group.start_soon(self._write, stdin, outgoing)
                group.start_soon(self._read_stderr, stderr)
                try:
                    yield received, sent
                finally:
                    with anyio.CancelScope(shield=True):
                        await _stop(process)
                    group.cancel_scope.cancel()

    async def _read(
        self,
        stream: ByteReceiveStream,
        incoming: MemoryObjectSendStream[SessionMessage | Exception],
    ) -> None:
        """Forward messages until the process closes its output, or writes only invalid lines."""
        invalid_lines = 0
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            async with incoming, aclosing(_lines(stream, max_bytes=self._max_bytes)) as lines:
                async for line in lines:
                    messages = self._parse(line)
                    for message in messages:
                        await incoming.send(SessionMessage(message))
                    if messages:
                        invalid_lines = 0
                        continue
                    invalid_lines += 1
                    if invalid_lines == 1:
                        self._report(f"A line of its output is not a message: {shorten(line.head)}")
                    if invalid_lines >= MAX_INVALID_LINES:
                        self._errors.append(
                            f"It wrote {invalid_lines} lines that are not messages."
                        )
                        break
        self.ended.set()

    def _parse(self, line: "_Line") -> list[types.JSONRPCMessage]:
        """Parse a line; one that is too long becomes an error for its request."""
        if line.text is not None:
            messages = parse_messages(line.text, self._waiting)
        else:
            limit, size = self._max_bytes / 1_000_000, line.size / 1_000_000
            fault = f"exceeds {limit:g} MB: {size:.1f} MB"
            messages = error_for(line.head, line.tail, fault=fault, waiting=self._waiting)
        return [repair_message(message, self._waiting) for message in messages]

    async def _write(
        self, stream: ByteSendStream, outgoing: MemoryObjectReceiveStream[SessionMessage]
    ) -> None:
        try:
            async for one in outgoing:
                self._waiting.add(one.message)
                text = one.message.model_dump_json(by_alias=True, exclude_unset=True)
                await stream.send(text.encode() + b"\n")
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
            self.ended.set()

    async def _read_stderr(self, stream: ByteReceiveStream) -> None:
        """Read the error output, and keep its last lines."""
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            async with aclosing(_lines(stream, max_bytes=8_192)) as lines:
                async for line in lines:
                    self._errors.append(line.head)
                    log.debug("mcp_server_wrote", command=self._command.command, line=line.head)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line, or the two ends of one that is too long."""

    size: int
    head: str
    tail: str
    text: bytes | None


async def _lines(stream: ByteReceiveStream, *, max_bytes: int) -> AsyncGenerator[_Line, None]:
    """Yield lines, in linear time; of a line that is too long, only its ends."""
    parts: list[bytes] = []
    size = 0
    tail = b""
    async for chunk in stream:
        *lines, rest = chunk.split(b"\n")
        for piece in lines:
            yield _line(parts, piece, size=size, tail=tail, max_bytes=max_bytes)
            parts, size, tail = [], 0, b""
        if rest:
            size += len(rest)
            tail = (tail + rest)[-ENDS:]
            if size <= max_bytes or not parts:
                parts.append(rest)
            elif len(parts) > 1:
                parts = [b"".join(parts)[:ENDS]]
    if parts:
        yield _line(parts, b"", size=size, tail=tail, max_bytes=max_bytes)


def _line(parts: list[bytes], piece: bytes, *, size: int, tail: bytes, max_bytes: int) -> _Line:
    size += len(piece)
    text = None if size > max_bytes else b"".join([*parts, piece])
    start = b"".join([*parts[:1], piece] if text is None else [text])
    return _Line(
        size=size,
        head=start[:ENDS].decode(errors="replace"),
        tail=(tail + piece)[-ENDS:].decode(errors="replace"),
        text=text,
    )


async def _start(command: Command) -> Process:
    try:
        # A cancellation during the start would leave a process that is never reaped.
        with anyio.CancelScope(shield=True):
            process = await anyio.open_process(
                [command.command, *command.args],
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                env={**get_default_environment(), **command.env},
                cwd=command.cwd,
                start_new_session=True,
            )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        where = f" in {str(command.cwd)!r}" if command.cwd is not None else ""
        raise ServerStartError(f"{command.command!r} cannot be started{where}: {reason}") from error
    return process


def _pipes(process: Process) -> tuple[ByteSendStream, ByteReceiveStream, ByteReceiveStream]:
    """Return the streams of a process that was opened with all three."""
    streams: Any = (process.stdin, process.stdout, process.stderr)  # none is None here
    return cast(tuple[ByteSendStream, ByteReceiveStream, ByteReceiveStream], streams)


async def _stop(process: Process) -> None:
    """End the process and its children: close its input, then signals; every wait is bounded."""
    stdin, *outputs = _pipes(process)
    with suppress(*_CLOSED):
        await stdin.aclose()
    await _has_ended(process)
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not _signal(process, number):
            break
        await _has_ended(process, group=number != signal.SIGKILL)
    for stream in outputs:
        with suppress(*_CLOSED):
            await stream.aclose()
    with anyio.move_on_after(GRACE_SECONDS):
        await process.aclose()


async def _has_ended(process: Process, *, group: bool = False) -> bool:
    """Wait for the end of the process, or of its group; return whether it ended in time."""
    deadline = anyio.current_time() + GRACE_SECONDS
    while anyio.current_time() < deadline:
        # Children may keep the pipes open, so their end is no sign; check the process itself.
        if process.returncode is not None and not (group and _signal(process, 0)):
            return True
        await anyio.sleep(0.01)
    return False


def _signal(process: Process, number: int) -> bool:
    """Send a signal to the process group; return whether it still has processes."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        return number == 0  # a child of another user, which we may not signal
    return True
