"""Run a server as a child process for the duration of a context.

In:  a command that prints a line when it is ready, and ends when its standard input is closed.
Out: that line, such as its URL; afterwards the process has ended.

Only that line is read from the child. Its standard error is written to a temporary file, whose last
lines are part of the error if it fails.
"""

import os
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from subprocess import PIPE
from tempfile import TemporaryFile
from typing import BinaryIO, cast

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream, Process
from anyio.streams.buffered import BufferedByteReceiveStream

from agentkit.errors import ConfigError
from agentkit.log import Log

_MAX_LINE_BYTES = 4096
_TAIL_BYTES = 8192
_TAIL_LINES = 10
_LOG_PREFIX = re.compile(r"^\d[\d.]* [A-Z] +")  # llama.cpp's clock and level

_log = Log("agentkit.local")


@asynccontextmanager
async def run_server(
    command: Sequence[str],
    *,
    name: str,
    start_timeout_seconds: float,
    stop_timeout_seconds: float = 5.0,
) -> AsyncIterator[str]:
    """Start `command`, yield the line it announces itself with, and stop it afterwards.

    Args:
        command: the program and its arguments.
        name: its name in errors.
        start_timeout_seconds: the time limit for that line.
        stop_timeout_seconds: the time limit for ending by itself; then it is killed.

    Raises:
        ConfigError: it ended, or timed out, before it announced itself.
    """
    with TemporaryFile() as messages:
        process = await anyio.open_process(command, stdin=PIPE, stdout=PIPE, stderr=messages)
        try:
            announced = await _read_line(process, timeout_seconds=start_timeout_seconds)
        except (TimeoutError, anyio.IncompleteRead) as error:
            await _stop(process, timeout_seconds=stop_timeout_seconds)
            raise ConfigError(
                f"{name} did not start: {_reason(error, process, start_timeout_seconds)}."
                f"{_last_lines(messages)}"
            ) from error
        except BaseException:  # cancelled while it loads, when it does not listen
            await _stop(process, timeout_seconds=0)
            raise
        _log.info("local_server_started", server=name, announced=announced)
        try:
            yield announced
        finally:
            was_killed = await _stop(process, timeout_seconds=stop_timeout_seconds)
            if process.returncode and not was_killed:
                _log.warning(
                    "local_server_died",
                    server=name,
                    exit_code=process.returncode,
                    last_lines=_last_lines(messages).strip(),
                )


async def _read_line(process: Process, *, timeout_seconds: float) -> str:
    output = cast(ByteReceiveStream, process.stdout)  # a pipe was asked for
    with anyio.fail_after(timeout_seconds):
        line = await BufferedByteReceiveStream(output).receive_until(b"\n", _MAX_LINE_BYTES)
    return line.decode().strip()


async def _stop(process: Process, *, timeout_seconds: float) -> bool:
    """Stop the process, also during a cancellation; return whether it had to be killed."""
    with anyio.CancelScope(shield=True):
        await cast(ByteSendStream, process.stdin).aclose()  # a pipe was asked for
        with anyio.move_on_after(timeout_seconds) as scope:
            await process.wait()
        if scope.cancelled_caught:
            with suppress(ProcessLookupError):  # it went just now
                process.kill()
        await process.aclose()
    return scope.cancelled_caught


def _reason(error: Exception, process: Process, timeout_seconds: float) -> str:
    if isinstance(error, TimeoutError):
        return f"it was not ready after {timeout_seconds:g} s"
    return f"it ended with exit code {process.returncode}"


def _last_lines(messages: BinaryIO) -> str:
    """Return the last distinct lines of `messages`; empty if there are none."""
    size = messages.seek(0, os.SEEK_END)
    messages.seek(max(0, size - _TAIL_BYTES))
    lines = messages.read().decode(errors="replace").splitlines()
    distinct = dict.fromkeys(_LOG_PREFIX.sub("", line).strip() for line in lines)
    last = [line for line in distinct if line][-_TAIL_LINES:]
    return f" It said: {' / '.join(last)}" if last else ""
