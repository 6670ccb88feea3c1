"""Write to a database that may be away for a while.

In:  one statement or transaction on a store.
Out: what it gave, or the exception that ends this life of a run.

A run waits for its database: a restart of the server must not fail every run that is under way.
"""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from agentkit.errors import JournalError, RunLost
from agentkit.log import Log
from agentkit.store.base import StoreError, StoreUnavailableError

T = TypeVar("T")

RETRY_LIMIT_SECONDS = 60.0
"""How long a write waits for a database that is away."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0

_log = Log(__name__)


class RunLeft(RunLost):
    """The database was away for too long; the next life of the run goes on."""


async def persist(
    work: Callable[[], Awaitable[T]], *, run_id: str, retry_seconds: float | None = None
) -> T:
    """Do a write that may be done again, and wait for a database that is away.

    Args:
        work: must give the same if an attempt before it took effect unnoticed.
        run_id: for messages.
        retry_seconds: how long to wait, in seconds; `RETRY_LIMIT_SECONDS` if not given.

    Raises:
        RunLeft: the database was away for longer.
        JournalError: the database refused the write, or its disk is full.
    """
    limit = time.monotonic() + (RETRY_LIMIT_SECONDS if retry_seconds is None else retry_seconds)
    pause = _FIRST_PAUSE
    while True:
        try:
            return await work()
        except StoreUnavailableError as error:
            if time.monotonic() + pause > limit:
                raise RunLeft(
                    f"The run {run_id!r} is left for its next life, because its database is away: "
                    f"{error}"
                ) from error
            _log.warning("store_away", run_id=run_id, error=str(error))
            await anyio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        except StoreError as error:
            raise JournalError(f"The run {run_id!r} cannot be recorded: {error}") from error
