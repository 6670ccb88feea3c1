"""Serve an ASGI application on a port.

In:  an application; the address to bind to.
Out: a listening port, until the context exits; requests in progress are cancelled then.

Runs on asyncio only, as uvicorn does. Signals are left to the caller.
"""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from ipaddress import ip_address
from typing import Any

import anyio
import sniffio
import uvicorn

from agentkit.errors import ConfigError
from agentkit.exception_groups import ungrouped
from agentkit.mcp.server.request_limits import TimedH11Protocol

BACKLOG = 2048
"""How many connections the kernel holds that were not accepted yet; uvicorn's own default."""


def require_asyncio() -> None:
    """Check that the event loop is one that can serve.

    Raises:
        ConfigError: it is not asyncio's.
    """
    if sniffio.current_async_library() != "asyncio":
        raise ConfigError("A port is served on asyncio only; run it with anyio's default.")


def is_loopback(host: str) -> bool:
    """Return whether a name or address can be reached from this machine only."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.casefold() == "localhost"


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Yield a listening socket.

    Args:
        host: name or address to bind to.
        port: 0 for any free port.

    Raises:
        ConfigError: the address cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ConfigError(f"Cannot listen on {host}:{port}: {error.strerror or error}.") from error
    with listener:
        yield listener


@asynccontextmanager
async def serving(listener: socket.socket, app: Any, *, end_seconds: int) -> AsyncIterator[None]:
    """Serve an application while the context is open.

    Args:
        listener: from `listening`.
        app: the ASGI application, which is opened and closed by the caller.
        end_seconds: how long requests that were cancelled may take to end.
    """
    server = _UvicornServer(
        uvicorn.Config(
            app,
            http=TimedH11Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=end_seconds,
        )
    )

    async def listen() -> None:
        with anyio.CancelScope(shield=True):  # `end` stops it and cancels its requests
            await server.serve([listener])

    with ungrouped():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listen)
            try:
                yield
            finally:
                server.end()


class _UvicornServer(uvicorn.Server):
    """uvicorn without its signal handlers; the caller handles signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def end(self) -> None:
        """Stop; requests in progress are cancelled, not awaited."""
        self.should_exit = True
        for task in tuple(self.server_state.tasks):
            task.cancel()
