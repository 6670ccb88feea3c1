"""A web server on loopback, and names that only the test's own resolver knows.

In:  answers by path.
Out: `WebServer`, which records the requests; a client whose names lead to it; the fixture `server`.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpcore
import pytest

from agentkit.transport.guarded.guarded_client import GuardedClient
from agentkit.transport.guarded.guarded_connection import GuardedBackend, connect_to

PUBLIC = "93.184.216.34"
"""An address of the public internet, which the tests never connect to."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """What the server answers."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Received:
    """A request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def host(self) -> str:
        """Return the value of its `Host` header."""
        return self.headers["host"]


@dataclass
class WebServer:
    """A running server.

    Attributes:
        pages: answers by path, or by host and path.
        connections: the addresses and ports that were connected to.
    """

    port: int
    pages: dict[str, Page] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    connections: list[tuple[str, int]] = field(default_factory=list)

    def add(self, path: str, body: str | bytes = b"", *, kind: str = "text/html") -> None:
        """Answer a path with a body."""
        data = body.encode() if isinstance(body, str) else body
        self.pages[path] = Page(body=data, headers={"content-type": kind})

    def redirect(self, path: str, to: str, *, status: int = 302) -> None:
        """Answer a path with a redirect."""
        self.pages[path] = Page(status=status, headers={"location": to})

    @property
    def paths(self) -> list[str]:
        """Return the paths that were asked for, without `robots.txt`."""
        return [one.path for one in self.received if one.path != "/robots.txt"]

    async def connect(
        self, address: str, port: int, timeout_seconds: float | None
    ) -> httpcore.AsyncNetworkStream:
        """Connect to this server in place of a public address; to any other really."""
        self.connections.append((address, port))
        if address == PUBLIC:
            address, port = "127.0.0.1", self.port
        return await connect_to(address, port, timeout_seconds)

    def client(self, names: Mapping[str, Sequence[str]] | None = None) -> GuardedClient:
        """Return a client for which each name is on a public address, if `names` has no other."""
        return GuardedClient(self.backend(names))

    def backend(
        self,
        names: Mapping[str, Sequence[str]] | None = None,
        *,
        private_hosts: Sequence[tuple[str, int]] = (),
    ) -> GuardedBackend:
        """Return the connections of such a client."""

        async def resolve(host: str, _: int) -> Sequence[str]:
            return (names or {}).get(host, [PUBLIC])

        return GuardedBackend(resolve=resolve, connect=self.connect, private_hosts=private_hosts)


@contextmanager
def web_server() -> Iterator[WebServer]:
    """Run a server until the context is left."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            found = Received(
                method=self.command,
                path=self.path,
                headers={name.lower(): value for name, value in self.headers.items()},
                body=body,
            )
            running.received.append(found)
            known = running.pages
            page = known.get(f"{found.host}{self.path}") or known.get(self.path)
            page = page or Page(status=404)
            self.send_response(page.status)
            for name, value in page.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(page.body)))
            self.end_headers()
            self.wfile.write(page.body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - as the library has it

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running = WebServer(port=server.server_port)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def running_web_server() -> Iterator[WebServer]:
    """Run one server for all tests of a file."""
    with web_server() as server:
        yield server


@pytest.fixture
def server(running_web_server: WebServer) -> WebServer:
    """Return the server without the pages, requests and connections of other tests."""
    running_web_server.pages.clear()
    running_web_server.received.clear()
    running_web_server.connections.clear()
    return running_web_server
