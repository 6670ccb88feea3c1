"""Serve a service on a port.

In:  a service, an address.
Out: a listening port, until the context exits; an orderly end.

A service that listens beyond loopback needs tokens. Runs on asyncio only, as uvicorn does.
"""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from ipaddress import ip_address

import anyio
import sniffio
import uvicorn

from agentkit.errors import ConfigError
from agentkit.exception_groups import ungrouped
from agentkit.mcp.server.request_limits import TimedH11Protocol
from agentkit.service.service import Service

END_SECONDS = 1.0
"""How long answers that were cancelled may take to send their last event."""


class ServingPort:
    """A service that listens."""

    def __init__(self, service: Service, *, host: str, port: int) -> None:
        self._service = service
        self._host = host
        self._port = port

    @property
    def url(self) -> str:
        """Return the address, without a slash at its end."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    async def drain(self, seconds: float) -> None:
        """Begin nothing new, wait for the end of what is under way, and cancel the rest.

        Meanwhile the port still answers: `/ready` with 503, so that a load balancer goes elsewhere.

        Args:
            seconds: how long to wait.
        """
        state = self._service.state
        state.stop_accepting()
        async with anyio.create_task_group() as tasks:
            if state.runs is not None:
                tasks.start_soon(state.runs.stop, seconds)  # what does not end goes on elsewhere
            with anyio.move_on_after(seconds):
                await state.limits.wait_until_idle()
        state.cancel_all()
        with anyio.move_on_after(END_SECONDS):
            await state.limits.wait_until_idle()


@asynccontextmanager
async def open_port(
    service: Service, *, host: str = "127.0.0.1", port: int = 8000
) -> AsyncIterator[ServingPort]:
    """Open a service and serve it until the context exits; requests in progress are cancelled.

    Args:
        service: the service, which is not open.
        host: name or address to bind to.
        port: 0 for any free port.

    Raises:
        ConfigError: it would be reachable without tokens; the port is in use; the database cannot
            be used; or the event loop is not asyncio.
    """
    if sniffio.current_async_library() != "asyncio":
        raise ConfigError("Agents are served on asyncio only; run it with anyio's default.")
    host = host.strip("[]")
    if not service.has_tokens and not _is_loopback(host):
        raise ConfigError(
            f"{host!r} can be reached from other machines, and the agents work for anyone who "
            "calls them: make a token with 'agentkit tokens add', or bind to 127.0.0.1."
        )
    with _listening(host, port) as listener, ungrouped():
        web = _UvicornServer(
            uvicorn.Config(
                service,
                http=TimedH11Protocol,
                ws="none",
                lifespan="off",  # the service is opened and closed here
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )

        async def listen() -> None:
            with anyio.CancelScope(shield=True):  # `end` stops it and cancels its requests
                await web.serve([listener])

        async with service.open(), anyio.create_task_group() as tasks:
            tasks.start_soon(listen)
            running = ServingPort(service, host=host, port=listener.getsockname()[1])
            try:
                yield running
            finally:
                # What was answered may still be charged, which a cancelled task could not do.
                with anyio.CancelScope(shield=True):
                    await running.drain(0)
                web.end()


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


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """Yield a listening socket.

    Raises:
        ConfigError: the address cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise ConfigError(f"Cannot listen on {host}:{port}: {error.strerror or error}.") from error
    with listener:
        yield listener


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.casefold() == "localhost"
