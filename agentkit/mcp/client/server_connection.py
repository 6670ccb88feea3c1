"""Keep a connection to one MCP server, and restart the server if it ends.

In:  a function that opens the SDK's client, and restart settings.
Out: `ServerConnection`: the SDK's client while the server is connected, otherwise the reason.

One task owns the SDK's client from its start to its end, independent of the tasks that call tools.
A server that dies is restarted after a delay, a bounded number of times; meanwhile its calls return
an error. A server that never started is not restarted.
"""

import json
import math
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import anyio
import mcp_types as types
from mcp.client.client import Client
from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost
from mcp.shared.exceptions import MCPError

from agentkit.errors import ToolError, ToolsetError
from agentkit.event import ReportLevel, ToolsetReported
from agentkit.exception_groups import ungrouped
from agentkit.json_schema.validator import shorten
from agentkit.log import Log
from agentkit.mcp.client.notification_queue import NotificationQueue
from agentkit.mcp.client.resources import ResourceReader
from agentkit.mcp.client.stdio_process import ServerStartError
from agentkit.tools.run_context import RunContext

CLOSE_SECONDS = 5.0
STABLE_SECONDS = 60.0
"""After this time connected, the count of restarts begins again."""

MAX_DELAY_SECONDS = 30.0
_REASON = 1_000

log: Log = Log("agentkit.mcp")


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartSettings:
    """How long to wait for a server to start, and how often to restart it.

    Attributes:
        start_seconds: limit for its first answer, above 0.
        restarts: maximum number of consecutive restarts, 0 or more.
        first_delay_seconds: delay before the first restart; doubled for each further one.
    """

    start_seconds: float = 60.0
    restarts: int = 5
    first_delay_seconds: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Call:
    """A call in progress, and the queue for the server's notifications meanwhile."""

    notifications: NotificationQueue
    context: RunContext[Any]


_calling: ContextVar[_Call | None] = ContextVar("mcp_call", default=None)


class Lifetime:
    """One lifetime of a connection, from the start of a server to its end.

    Attributes:
        ended: set when the connection ended or can no longer be used.
        reason: why it ended.
        last_output: returns the server's last error output; set by the transport.
        start: the scope to cancel if the server ends while it starts.
    """

    def __init__(self) -> None:
        self.ended: anyio.Event = anyio.Event()
        self.reason: str = ""
        self.last_output: Callable[[], str] = str
        self.start: anyio.CancelScope | None = None

    def end(self, reason: str) -> None:
        """Mark the connection as ended; the first reason is kept."""
        if self.ended.is_set():
            return
        self.reason = reason
        self.ended.set()
        if self.start is not None:
            self.start.cancel()


OpenClient = Callable[["ServerConnection", Lifetime, str], AbstractAsyncContextManager[Client]]
"""Opens the SDK's client for one lifetime, in a mode of the SDK's: `auto` or `legacy`."""


class ServerConnection:
    """A connection to one server, across restarts.

    Attributes:
        notifications: the server's notifications outside of calls.
        is_stale: its tools may have changed since they were listed.
        failure: why it can no longer be used; None while it can.
        is_misconfigured: the server could not even be started.
        was_connected: it was connected at least once.
    """

    def __init__(self, name: str, *, open_client: OpenClient, restart: RestartSettings) -> None:
        self.name = name
        self.notifications: NotificationQueue = NotificationQueue(name)
        self.is_stale: bool = True
        self.failure: str | None = None
        self.is_misconfigured: bool = False
        self._open_client = open_client
        self._restart = restart
        self._client: Client | None = None
        self._lifetime = Lifetime()
        self.was_connected: bool = False
        self._ready = anyio.Event()
        self._closing = anyio.Event()
        self._calls: list[_Call] = []

    @asynccontextmanager
    async def keep_open(self) -> AsyncIterator[None]:
        """Keep the connection open until the context exits."""
        with ungrouped():
            async with anyio.create_task_group() as group:
                closed = anyio.Event()
                group.start_soon(self._own, closed)
                try:
                    yield
                finally:
                    self._closing.set()
                    self._lifetime.end("it was closed")
                    with anyio.move_on_after(CLOSE_SECONDS, shield=True):
                        await closed.wait()
                    group.cancel_scope.cancel()

    @property
    def is_open(self) -> bool:
        """Return whether the context of `keep_open` has not exited."""
        return not self._closing.is_set()

    async def wait_ready(self) -> None:
        """Wait until the server is connected, or finally failed."""
        while not self._ready.is_set():
            await self._ready.wait()

    def client(self) -> Client:
        """Return the SDK's client.

        Raises:
            ToolError: the server is not connected; the message is for the model.
        """
        if self._client is None or self._lifetime.ended.is_set():
            why = (
                f"is not available: {self.failure}. Continue without it."
                if self.failure is not None
                else "is being restarted. Try again later, or continue without it."
            )
            raise ToolError(f"The MCP server {self.name!r} {why}")
        return self._client

    def mark_lost(self, client: Client, reason: str) -> None:
        """Mark a client as lost after a failed call; it may have been replaced already."""
        if client is self._client:
            self._lifetime.end(reason)
            self._ready = anyio.Event()

    def report(self, level: ReportLevel, message: str) -> None:
        """Report to the latest call in progress, else to the next run that lists the tools."""
        event = ToolsetReported(toolset=self.name, level=level, message=message)
        (self._calls[-1].notifications if self._calls else self.notifications).add(event)

    def error(self) -> ToolsetError:
        """Return the error of a server that cannot be used."""
        return ToolsetError(f"The MCP server {self.name!r} cannot be used: {self.failure}.")

    def warn(self, message: str) -> None:
        """Report a warning; see `report`."""
        self.report("warning", message)

    def reader(self) -> ResourceReader:
        """Return a reader of the server's resources and prompts.

        Raises:
            ToolError: see `client`.
        """
        return ResourceReader(self.client(), report=self.warn)

    @contextmanager
    def track_call(self, context: RunContext[Any]) -> Iterator[NotificationQueue]:
        """Yield the queue for the server's notifications during a call."""
        call = _Call(notifications=NotificationQueue(self.name), context=context)
        self._calls.append(call)
        token = _calling.set(call)
        try:
            yield call.notifications
        finally:
            _calling.reset(token)
            self._calls.remove(call)

    def current_call(self) -> RunContext[Any] | None:
        """Return the call during which the server sent a request.

        Since 2026-07-28 the call is known; before, the call that began last is assumed.
        """
        call = _calling.get()
        if call is None and self._calls:
            call = self._calls[-1]
        return None if call is None else call.context

    async def on_log_message(self, params: types.LoggingMessageNotificationParams) -> None:
        """Handle a log message of the server."""
        data = params.data if isinstance(params.data, str) else json.dumps(params.data)
        where = f"{params.logger}: " if params.logger else ""
        self.report(params.level, f"{where}{data}")

    async def on_message(self, message: object) -> None:
        """Handle other notifications, and errors of the transport."""
        if isinstance(message, types.ToolListChangedNotification):
            self.is_stale = True
        elif isinstance(message, Exception):
            self.report("warning", f"A message could not be read: {describe(message)}")

    async def _own(self, closed: anyio.Event) -> None:
        """Connect, and reconnect after each end, until closed or out of restarts."""
        try:
            failures = 0
            while not self._closing.is_set():
                started = anyio.current_time()
                reason = await self._run_once()
                if self._closing.is_set():
                    return
                if anyio.current_time() - started > STABLE_SECONDS:
                    failures = 0
                failures += 1
                if not self.was_connected or failures > self._restart.restarts:
                    self._give_up(reason)
                    return
                await self._wait_for_next(reason, failures)
        finally:
            self.failure = self.failure or "it was closed"
            self._ready.set()
            closed.set()

    def _give_up(self, reason: str) -> None:
        self.failure = reason
        self.is_stale = True
        self.report("error", f"Its tools are not available: {reason}")
        log.warning("mcp_server_failed", server=self.name, reason=reason)
        self._ready.set()

    async def _wait_for_next(self, reason: str, failures: int) -> None:
        seconds = self._restart.first_delay_seconds * 2.0 ** (failures - 1)
        seconds = min(seconds, MAX_DELAY_SECONDS)
        self.report("warning", f"Restarting in {seconds:g} s: {reason}")
        log.warning("mcp_server_lost", server=self.name, reason=reason, delay_seconds=seconds)
        with anyio.move_on_after(seconds):
            await self._closing.wait()

    async def _run_once(self) -> str:
        """Connect once; return the reason why the connection ended."""
        reason = await self._attempt("auto")
        if self._is_finished():
            return reason
        # Some servers of earlier revisions exit when they receive a request of 2026-07-28.
        log.info("mcp_handshake_tried", server=self.name, reason=reason)
        legacy = await self._attempt("legacy")
        return legacy if self.was_connected else reason

    def _is_finished(self) -> bool:
        """Return whether a second attempt with the other revision is pointless."""
        return self.was_connected or self.is_misconfigured or self._closing.is_set()

    async def _attempt(self, mode: str) -> str:
        """Open the client, keep it until its lifetime ends, and return the reason."""
        lifetime = self._lifetime = Lifetime()
        seconds = self._restart.start_seconds
        reason = f"it did not answer within {seconds:g} s"
        try:
            with ungrouped(), anyio.CancelScope() as lifetime.start:
                lifetime.start.deadline = anyio.current_time() + seconds
                async with self._open_client(self, lifetime, mode) as client:
                    lifetime.start.deadline = math.inf
                    lifetime.start = None
                    await self._offer_client(client, lifetime)
        except ServerStartError as error:
            self.is_misconfigured = True
            return str(error)
        except Exception as error:  # noqa: BLE001  # a foreign server's error is a reason
            reason = describe(error)
        output = lifetime.last_output()
        reason = lifetime.reason or reason
        return f"{reason}; its last output: {output}" if output else reason

    async def _offer_client(self, client: Client, lifetime: Lifetime) -> None:
        """Make the client available until its lifetime ends."""
        self._client, self.was_connected, self.is_stale = client, True, True
        self._ready.set()
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._watch_list, client)
                await lifetime.ended.wait()
                group.cancel_scope.cancel()
        finally:
            self._client = None
            self._ready = anyio.Event()

    async def _watch_list(self, client: Client) -> None:
        """Subscribe to changes of the tool list (2026-07-28 and later)."""
        tools = client.server_capabilities.tools
        if tools is None or not tools.list_changed:
            return
        delay = self._restart.first_delay_seconds
        while True:
            try:
                async with client.listen(tools_list_changed=True) as changes:
                    async for _ in changes:
                        self.is_stale = True
            except ListenNotSupportedError:
                return
            except (MCPError, SubscriptionLost, TimeoutError) as error:
                log.info("mcp_subscription_lost", server=self.name, error=describe(error))
            await anyio.sleep(delay)
            delay = min(delay * 2, MAX_DELAY_SECONDS)
            self.is_stale = True  # changes during the delay were missed


def describe(error: BaseException) -> str:
    """Describe an error in one line."""
    text = shorten(str(error).strip() or type(error).__name__, _REASON)
    return text if isinstance(error, MCPError) else f"{type(error).__name__}: {text}"
