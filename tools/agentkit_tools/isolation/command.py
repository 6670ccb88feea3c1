"""Run one command in isolation.

In:  an `Isolation`, a command, what it reads.
Out: `CommandEnded`: how it ended and what it printed.

The command starts only when its limits hold. When this function is left, by the end of the
command, a limit or a cancellation, every process inside has ended: the kernel kills all processes
of a PID namespace with its first one.
"""

import json
import os
import platform
import signal
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import astuple, dataclass, field
from functools import cache
from time import perf_counter
from typing import Literal, TypeAlias

import anyio

from agentkit import ConfigError
from agentkit_tools.isolation import pids_cgroup
from agentkit_tools.isolation.bubblewrap import (
    USERS,
    Descriptors,
    Isolation,
    bubblewrap_arguments,
    find_bubblewrap,
)
from agentkit_tools.isolation.limits import limit_process
from agentkit_tools.isolation.seccomp import build_filter
from agentkit_tools.isolation.usage import watch

KillReason: TypeAlias = Literal["timeout", "memory", "disk", "output"]
"""The limit for which a command was killed."""

_CHUNK_BYTES = 65_536
_END_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandEnded:
    """How a command ended.

    Attributes:
        exit_code: its own; 128 and more for a signal; None if it was killed for a limit.
        killed: the limit that it exceeded.
        output: standard output and standard error, in the order printed.
        seconds: of wall time.
    """

    exit_code: int | None
    killed: KillReason | None
    output: bytes
    seconds: float


@dataclass(slots=True, kw_only=True)
class _Running:
    """A command that runs.

    Attributes:
        init: a descriptor of the first process of its namespace, which the others end with.
    """

    process: "subprocess.Popen[bytes]"
    status: int
    output: int
    max_output_bytes: int
    on_output: Callable[[bytes], Awaitable[None]] | None
    init: int | None = None
    killed: KillReason | None = None
    printed: bytearray = field(default_factory=bytearray)

    def kill(self, reason: KillReason | None = None) -> None:
        """Kill every process inside, for the first reason given."""
        self.killed = self.killed or reason
        if self.init is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.init, signal.SIGKILL)
        else:
            self.process.kill()  # its child dies with it

    async def read_output(self) -> None:
        """Read until the end of the output, which is the end of all processes inside."""
        while chunk := await _read(self.output):
            free = self.max_output_bytes - len(self.printed)
            self.printed += chunk[:free]
            if len(chunk) > free:
                self.kill("output")
            elif self.on_output is not None:
                await self.on_output(chunk)


async def run_isolated(
    isolation: Isolation,
    command: Sequence[str],
    *,
    stdin: bytes = b"",
    pass_fds: Sequence[int] = (),
    on_output: Callable[[bytes], Awaitable[None]] | None = None,
) -> CommandEnded:
    """Run a command and return when all its processes have ended.

    Args:
        isolation: where it runs, and its limits.
        command: the program and its arguments; no shell reads them.
        stdin: what it can read from its standard input.
        pass_fds: open files that it gets under the same numbers.
        on_output: called with each piece of its output.

    Raises:
        ConfigError: it cannot be isolated on this machine.
    """
    limits = isolation.limits
    started = perf_counter()
    with ExitStack() as files:
        cgroup = None
        if pids_cgroup.is_needed():
            # Two more: the first process of the namespace, and the one that waits for it.
            cgroup = pids_cgroup.PidsCgroup.create(limits.processes + 2)
            files.callback(cgroup.remove)
        running, start = _spawn(isolation, command, stdin, pass_fds, files)
        running.on_output = on_output
        try:
            pid = await _first_process(running)
            running.init = os.pidfd_open(pid)
            files.callback(os.close, running.init)
            limit_process(pid, limits)
            if cgroup is not None:
                cgroup.add(pid)
            with suppress(BrokenPipeError):  # it failed, which `_exit_code` reports
                os.write(start, b"\n")
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(watch, pid, limits, running.kill)
                with anyio.move_on_after(limits.seconds) as scope:
                    await running.read_output()
                if scope.cancelled_caught:
                    running.kill("timeout")
                tasks.cancel_scope.cancel()
        except ProcessLookupError as error:  # bubblewrap failed, and printed why
            await running.read_output()
            raise _failure(running) from error
        finally:
            # Also when the caller is cancelled.
            running.kill()
            with anyio.CancelScope(shield=True):
                await _end(running)
        exit_code = await _exit_code(running)
    return CommandEnded(
        exit_code=None if running.killed else exit_code,
        killed=running.killed,
        output=bytes(running.printed),
        seconds=perf_counter() - started,
    )


@cache
def check_isolation() -> None:
    """Check once that commands can be isolated on this machine.

    Raises:
        ConfigError: they cannot; the message says why.
    """
    if not hasattr(os, "pidfd_open"):
        raise ConfigError("Commands are isolated by namespaces of Linux 5.3 or newer.")
    build_filter(platform.machine())
    if pids_cgroup.is_needed():
        pids_cgroup.PidsCgroup.create(1).remove()
    command = [find_bubblewrap(), "--unshare-all", "--unshare-user", "--disable-userns"]
    command += ["--ro-bind", "/", "/", "--proc", "/proc", "true"]
    try:
        # The path is an absolute one that was found above.
        done = subprocess.run(command, capture_output=True, timeout=60, check=False, env={})  # noqa: S603
        reason = done.stderr.decode(errors="replace").strip() if done.returncode else None
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = str(error)
    if reason is not None:
        raise ConfigError(
            f"Commands cannot be isolated here, because bubblewrap fails ({reason}). It needs user "
            "namespaces; in a container, allow them in its security profile."
        )


def _spawn(
    isolation: Isolation,
    command: Sequence[str],
    stdin: bytes,
    pass_fds: Sequence[int],
    files: ExitStack,
) -> tuple[_Running, int]:
    """Start bubblewrap, which waits; return it, and the descriptor that lets it go on."""
    with ExitStack() as others:
        status, status_end = _pipe(files, others)
        start_end, start = _pipe(others, files)
        output, output_end = _pipe(files, others)
        descriptors = Descriptors(
            status=status_end,
            start=start_end,
            filter=_memory_file(build_filter(platform.machine()), others),
            users=_memory_file(USERS, others),
        )
        arguments = bubblewrap_arguments(isolation, command, descriptors)
        # Not `anyio.open_process`: on Trio it starts the process in a worker thread, and
        # `--die-with-parent` means the thread, which ends when it has nothing to do.
        process = subprocess.Popen(  # noqa: S603  # isolating what is not trusted is its purpose
            [find_bubblewrap(), *arguments],
            stdin=_memory_file(stdin, others),
            stdout=output_end,
            stderr=output_end,
            pass_fds=(*astuple(descriptors), *pass_fds),
            env={},
            cwd="/",
        )
    running = _Running(
        process=process,
        status=status,
        output=output,
        max_output_bytes=isolation.limits.output_bytes,
        on_output=None,
    )
    return running, start


async def _first_process(running: _Running) -> int:
    """Return the process that bubblewrap reports."""
    report = b""
    while b"\n" not in report:
        chunk = await _read(running.status)
        if not chunk:
            await running.read_output()
            raise _failure(running)
        report += chunk
    return int(json.loads(report)["child-pid"])


async def _exit_code(running: _Running) -> int | None:
    """Return the exit code; None if the command was killed.

    Raises:
        ConfigError: bubblewrap failed before the command began.
    """
    report = b""
    while chunk := await _read(running.status):
        report += chunk
    if report.strip():
        return int(json.loads(report)["exit-code"])
    if running.killed is None and running.printed.startswith(b"bwrap:"):
        raise _failure(running)
    return None


def _failure(running: _Running) -> ConfigError:
    """Return an error with what bubblewrap printed."""
    text = bytes(running.printed).decode(errors="replace").strip()
    return ConfigError(f"A command cannot be isolated: {text}.")


async def _end(running: _Running) -> None:
    """Wait until every process has ended."""
    with anyio.move_on_after(_END_SECONDS):
        if running.init is not None:
            await anyio.wait_readable(running.init)
        await anyio.to_thread.run_sync(running.process.wait, abandon_on_cancel=True)


async def _read(descriptor: int) -> bytes:
    """Return what can be read; nothing at the end."""
    await anyio.wait_readable(descriptor)
    return os.read(descriptor, _CHUNK_BYTES)


def _pipe(readers: ExitStack, writers: ExitStack) -> tuple[int, int]:
    """Return both ends of a pipe, each closed by its own stack."""
    reader, writer = os.pipe()
    readers.callback(os.close, reader)
    writers.callback(os.close, writer)
    return reader, writer


def _memory_file(data: bytes, files: ExitStack) -> int:
    """Return a file in memory that can be read and not written."""
    writable = os.memfd_create("agentkit")
    try:
        os.write(writable, data)
        descriptor = os.open(f"/proc/self/fd/{writable}", os.O_RDONLY)
    finally:
        os.close(writable)
    files.callback(os.close, descriptor)
    return descriptor
