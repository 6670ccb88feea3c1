"""Sockets are connected to the first address that answers, and their bytes can be inspected."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream

from agentkit.transport.direct import tcp_stream
from agentkit.transport.direct.tcp_stream import TcpStream, connect_tcp
from agentkit.transport.error_mapping import WireError

V4 = "127.0.0.1"


@asynccontextmanager
async def listener() -> AsyncIterator[int]:
    """Serve connections that end at once, and yield the port."""

    async def leave(stream: SocketStream) -> None:
        await stream.aclose()

    with anyio.fail_after(60):
        async with (
            await anyio.create_tcp_listener(local_host=V4) as tcp,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(tcp.serve, leave)
            yield tcp.extra(SocketAttribute.local_port)  # noqa: S610 - not Django's
            tasks.cancel_scope.cancel()


@contextmanager
def closed_port() -> Iterator[int]:
    """Yield a port without a listener."""
    with socket.socket() as taken:
        taken.bind((V4, 0))
        yield taken.getsockname()[1]


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: tuple[str, int]) -> None:
    """Resolve every name to these addresses."""

    async def getaddrinfo(*_: object, **__: object) -> list[object]:
        found: list[object] = []
        for host, port in addresses:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            found.append((family, socket.SOCK_STREAM, 6, "", (host, port)))
        return found

    monkeypatch.setattr("anyio.getaddrinfo", getaddrinfo)


async def test_the_next_address_is_tried_after_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, without a delay."""
    async with listener() as port:
        with closed_port() as closed:
            resolve_to(monkeypatch, (V4, closed), (V4, port))
            with await connect_tcp("host.example", 1) as connected:
                assert connected.getpeername() == (V4, port)


async def test_the_best_of_the_other_family_is_tried_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An unreachable family costs one delay, not one for each of its addresses."""
    tried: list[object] = []

    async def connect(place: tcp_stream.SocketAddress) -> socket.socket:
        tried.append(place[1])
        raise ConnectionRefusedError

    monkeypatch.setattr(tcp_stream, "_connect", connect)
    resolve_to(monkeypatch, ("::1", 1), ("::2", 1), (V4, 1), ("127.0.0.2", 1))
    with pytest.raises(ConnectionRefusedError):
        await connect_tcp("host.example", 1)

    assert tried == [("::1", 1), (V4, 1), ("::2", 1), ("127.0.0.2", 1)]


async def test_a_silent_address_does_not_block_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The next one is tried in parallel; the first to connect is used."""
    real, stuck = tcp_stream._connect, anyio.Event()

    async def connect(place: tcp_stream.SocketAddress) -> socket.socket:
        if place[1] == ("127.0.0.9", 9):
            stuck.set()
            await anyio.sleep_forever()
        return await real(place)

    monkeypatch.setattr(tcp_stream, "_connect", connect)
    monkeypatch.setattr(tcp_stream, "CONNECTION_ATTEMPT_DELAY_SECONDS", 0.01)
    async with listener() as port:
        resolve_to(monkeypatch, ("127.0.0.9", 9), (V4, port))
        with await connect_tcp("host.example", 1) as connected:
            assert connected.getpeername() == (V4, port)

    assert stuck.is_set()


async def test_two_connections_at_the_same_time_leave_one_socket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The other one is closed."""
    opened: list[socket.socket] = []
    both = anyio.Event()

    async def connect(_: tcp_stream.SocketAddress) -> socket.socket:
        opened.append(socket.socket())
        if len(opened) == 2:
            both.set()
        with anyio.CancelScope(shield=True):
            await both.wait()
        return opened[0] if len(opened) == 1 else opened.pop()

    monkeypatch.setattr(tcp_stream, "_connect", connect)
    monkeypatch.setattr(tcp_stream, "CONNECTION_ATTEMPT_DELAY_SECONDS", 0.01)
    resolve_to(monkeypatch, (V4, 1), (V4, 2))
    with anyio.fail_after(60):
        with await connect_tcp("host.example", 1) as connected:
            left = [each for each in opened if each is not connected]
            assert all(each.fileno() == -1 for each in left)


async def test_a_cancelled_caller_leaves_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even one that was connected at that moment."""
    made = socket.socket()

    async def connect(_: tcp_stream.SocketAddress) -> socket.socket:
        scope.cancel()
        return made

    monkeypatch.setattr(tcp_stream, "_connect", connect)
    resolve_to(monkeypatch, (V4, 1), (V4, 2))
    with anyio.CancelScope() as scope:
        await connect_tcp("host.example", 1)

    assert scope.cancelled_caught
    assert made.fileno() == -1


async def test_a_stream_carries_bytes_and_shows_unread_ones() -> None:
    """Unread bytes can be inspected, and stay."""
    near, far = socket.socketpair()
    near.settimeout(0)
    stream = TcpStream(near, read_seconds=1, write_seconds=1)
    with far, anyio.fail_after(60):
        quiet = stream.has_data()
        await stream.send(b"ping")
        await stream.send_eof()
        far.sendall(b"pong")
        received = (far.recv(9), far.recv(9))
        shown = stream.has_data()
        answer = await stream.receive()
        await stream.aclose()

    assert (quiet, received, shown, answer) == (False, (b"ping", b""), True, b"pong")
    assert stream.has_data()  # a closed socket is never quiet


@pytest.mark.parametrize("is_complete", [False, True])
async def test_silence_has_a_deadline(is_complete: bool) -> None:
    """Each wait has its own, or all have one together."""
    near, far = socket.socketpair()
    near.settimeout(0)
    stream = TcpStream(near, read_seconds=3600 if is_complete else 0.01, write_seconds=1)
    if is_complete:
        stream.set_read_deadline(0.01)
    with far, anyio.fail_after(60), pytest.raises(WireError) as caught:
        await stream.receive()
    stream.close()

    assert caught.value.kind == "read_timeout"


async def test_received_bytes_restart_the_deadline_or_not() -> None:
    """A common deadline holds until it is removed."""
    near, far = socket.socketpair()
    near.settimeout(0)
    stream = TcpStream(near, read_seconds=5, write_seconds=1)
    stream.set_read_deadline(0.05)
    with far, anyio.fail_after(60):
        far.sendall(b"x")
        first = await stream.receive()
        with pytest.raises(WireError):
            await stream.receive()
        stream.read_deadline = None
        far.sendall(b"y")
        second = await stream.receive()
    stream.close()

    assert (first, second) == (b"x", b"y")


async def test_a_socket_that_only_seems_readable_is_waited_for_again() -> None:
    """Linux may drop a packet after it has reported the socket as readable."""

    class Fickle(socket.socket):
        tries = 0

        def recv(self, size: int, flags: int = 0) -> bytes:
            self.tries += 1
            if self.tries == 2:
                raise BlockingIOError
            return super().recv(size, flags)

    near, far = socket.socketpair()
    with Fickle(fileno=near.detach()) as fickle, far, anyio.fail_after(60):
        fickle.settimeout(0)

        async def send() -> None:
            await anyio.wait_all_tasks_blocked()
            far.sendall(b"x")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send)
            got = await TcpStream(fickle, read_seconds=1, write_seconds=1).receive()

    assert got == b"x"
