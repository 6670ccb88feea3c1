"""Agents that are not entered keep their connections between the runs of one event loop."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import anyio
import pytest

from agentkit import Agent
from agentkit.event import ConnectionAwaited, EventRecord
from agentkit.hooks import wrapped_model
from agentkit.model.build import build_model
from agentkit.model.route import RouteModel
from agentkit.transport.http_settings import HttpSettings
from agentkit.transport.kept_transports import MAX_UNUSED

ANSWER = json.dumps(
    {"choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "Hi."}}]}
).encode()


class CountingServer(ThreadingHTTPServer):
    """A provider that counts the connections it accepted, and those that were closed."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.keys: list[str] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.opened = 0
        self.closed = 0
        self.changed = threading.Condition()

    @property
    def url(self) -> str:
        """Return its base URL."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def wait_until_closed(self, count: int) -> None:
        """Return when so many connections were closed by the client."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.closed >= count, timeout=60)


class _Handler(BaseHTTPRequestHandler):
    server: CountingServer
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        with self.server.changed:
            self.server.opened += 1
        super().handle()
        with self.server.changed:
            self.server.closed += 1
            self.server.changed.notify_all()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.server.may_answer.wait(60)
        self.server.keys.append(self.headers.get("authorization", ""))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def server() -> Iterator[CountingServer]:
    """Serve while a test runs."""
    with CountingServer() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield running
        finally:
            running.shutdown()
            thread.join()


def agent_of(server: CountingServer, *, key: str = "sk-1", **given: object) -> Agent[None]:
    """Return an agent of a key of its own."""
    model = build_model("openai-compatible:m", base_url=server.url, api_key=key, **given)  # type: ignore[arg-type]  # the tests give what is expected
    return Agent(model)


async def test_runs_one_after_the_other_share_one_connection(server: CountingServer) -> None:
    """So they pay for one TLS handshake, as those of an entered agent do."""
    agent = agent_of(server)
    for _ in range(20):
        assert (await agent.run("Hello")).output == "Hi."

    assert (server.opened, server.closed) == (1, 0)


async def test_agents_with_the_same_provider_and_key_share_connections(
    server: CountingServer,
) -> None:
    """A service that builds an agent for each request still has one connection."""
    for _ in range(3):
        await agent_of(server).run("Hello")

    assert server.opened == 1


async def test_agents_with_different_keys_share_nothing(server: CountingServer) -> None:
    """Each request carries the key of its own agent."""
    for key in ("sk-1", "sk-2", "sk-1"):
        await agent_of(server, key=key).run("Hello")

    assert server.opened == 2
    assert server.keys == ["Bearer sk-1", "Bearer sk-2", "Bearer sk-1"]


async def test_routes_and_hooked_models_keep_their_connections(server: CountingServer) -> None:
    """They open the models inside them for a run, too."""
    model = agent_of(server).model
    for wrapped in (RouteModel([model]), wrapped_model(model, before=lambda request: request)):
        before = server.opened
        for _ in range(3):
            await Agent[None, str](wrapped).run("Hello")
        assert server.opened - before <= 1, wrapped


async def test_runs_at_once_share_a_transport_and_each_gets_a_connection(
    server: CountingServer,
) -> None:
    """What one run returns, the next one uses."""
    agent = agent_of(server)
    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(agent.run, "Hello")
    at_once = server.opened
    for _ in range(5):
        await agent.run("Hello")

    assert 1 <= at_once <= 5
    assert server.opened == at_once


async def test_old_connections_are_not_used_again(server: CountingServer) -> None:
    """After `keep_alive_seconds` a server may close at any moment."""
    agent = agent_of(server, http=HttpSettings(keep_alive_seconds=1e-9))
    for _ in range(3):
        await agent.run("Hello")

    assert server.opened == 3
    await anyio.to_thread.run_sync(server.wait_until_closed, 2)


async def test_only_so_many_unused_transports_stay_open(server: CountingServer) -> None:
    """A service with a key for each user keeps no connection for each of them."""
    for number in range(MAX_UNUSED + 4):
        await agent_of(server, key=f"sk-{number}").run("Hello")
    await anyio.to_thread.run_sync(server.wait_until_closed, 4)
    await agent_of(server, key=f"sk-{MAX_UNUSED + 3}").run("Hello")

    assert (server.opened, server.closed) == (MAX_UNUSED + 4, 4)


@pytest.mark.parametrize("carrier", ["direct", "httpx"])
async def test_a_run_that_waits_for_a_connection_reports_it(
    server: CountingServer, carrier: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More requests than connections are possible; they wait for one to end."""
    if carrier == "httpx":
        monkeypatch.setattr("agentkit.transport.open_transport.is_direct", lambda *_, **__: False)
    agent = agent_of(server, http=HttpSettings(max_connections=1))
    waits: list[ConnectionAwaited] = []

    async def listen(record: EventRecord) -> None:
        if isinstance(record.event, ConnectionAwaited):
            waits.append(record.event)
            server.may_answer.set()

    async def run() -> None:
        await agent.run("Hello", listener=listen)

    server.may_answer.clear()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        tasks.start_soon(run)

    assert [one.max_connections for one in waits] == [1]
    assert server.opened == 1


async def test_an_entered_agent_closes_its_connections_when_it_is_left(
    server: CountingServer,
) -> None:
    """What `async with` opened, it closes."""
    async with agent_of(server) as agent:
        await agent.run("Hello")
        await agent.run("Hello")
    await anyio.to_thread.run_sync(server.wait_until_closed, 1)

    assert (server.opened, server.closed) == (1, 1)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("proxy", [False, True], ids=["direct", "httpx"])
@pytest.mark.filterwarnings("error")
def test_connections_are_closed_when_the_event_loop_ends(
    server: CountingServer, backend: str, proxy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left behind, and another loop begins with connections of its own."""
    if proxy:  # httpx carries the exchanges if the path may lead through a proxy
        monkeypatch.setattr("agentkit.transport.open_transport.is_direct", lambda *_, **__: False)
    agent = agent_of(server)

    async def run_twice() -> None:
        await agent.run("Hello")
        await agent.run("Hello")

    for expected in (1, 2):
        anyio.run(run_twice, backend=backend)
        server.wait_until_closed(expected)
        assert server.opened == expected


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_cancelled_run_leaves_the_transport_usable(server: CountingServer, backend: str) -> None:
    """Its own connection is closed, as an answer may still arrive on it."""
    agent = agent_of(server)

    async def run() -> None:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await agent.run("Hello")
        assert scope.cancelled_caught
        await agent.run("Hello")

    anyio.run(run, backend=backend)
    assert server.keys[-1] == "Bearer sk-1"
