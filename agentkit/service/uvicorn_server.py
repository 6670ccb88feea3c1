"""Serve a service on a port.

In:  a service, an address.
Out: a listening port, until the context exits; an orderly end.

A service that listens beyond loopback needs tokens. Runs on asyncio only, as uvicorn does.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from agentkit.errors import ConfigError
from agentkit.mcp.server.listening_port import is_loopback, listening, require_asyncio, serving
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
    require_asyncio()
    host = host.strip("[]")
    if not service.has_tokens and not is_loopback(host):
        raise ConfigError(
            f"{host!r} can be reached from other machines, and the agents work for anyone who "
            "calls them: make a token with 'agentkit tokens add', or bind to 127.0.0.1."
        )
    with listening(host, port) as listener:
        async with service.open(), serving(listener, service, end_seconds=1):
            running = ServingPort(service, host=host, port=listener.getsockname()[1])
            try:
                yield running
            finally:
                # What was answered may still be charged, which a cancelled task could not do.
                with anyio.CancelScope(shield=True):
                    await running.drain(0)
