"""Run an async command so that signals end it in good order.

In:  an async function that returns an exit code.
Out: its exit code, or 128 and the number of the signal that ended it.

SIGTERM (`kill`, `timeout`, a supervisor) and SIGHUP (a closed terminal) cancel the command as
Ctrl-C does, so that servers it has started are stopped. A second signal during the cleanup ends the
process at once.
"""

import signal
import sys
from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import TaskStatus

from agentkit.exception_groups import ungrouped

_SIGNAL_BASE = 128


def run_async(command: Callable[[], Awaitable[int]]) -> int:
    """Run an async command to its end, or until a signal, and return the exit code."""
    return anyio.run(_run_until_signal, command)


async def _run_until_signal(command: Callable[[], Awaitable[int]]) -> int:
    received_signals = _signals()
    if not received_signals:
        return await command()
    received: list[signal.Signals] = []

    with ungrouped():
        async with anyio.create_task_group() as group:

            async def cancel_on_signal(*, task_status: TaskStatus[None]) -> None:
                with anyio.open_signal_receiver(*received_signals) as signals:
                    task_status.started()
                    async for number in signals:
                        received.append(number)
                        group.cancel_scope.cancel()
                        return

            await group.start(cancel_on_signal)
            code = await command()
            group.cancel_scope.cancel()
            return code
    return _SIGNAL_BASE + received[0]


def _signals() -> tuple[signal.Signals, ...]:
    """Return the signals to receive; `nohup` ignores SIGHUP, which must stay so."""
    if sys.platform == "win32":  # its event loops have no signal handlers
        return ()
    return tuple(
        number
        for number in (signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is not signal.SIG_IGN
    )
