"""Waiting for bytes on a socket."""

import math
import socket
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint, current_token

from agentkit.transport.direct.readiness import ReadWaiter


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Return two ends of a connection, the first one non-blocking."""
    near, far = socket.socketpair()
    near.settimeout(0)
    with near, far:
        yield near, far


def is_registered(near: socket.socket) -> bool:
    """Return whether a socket is registered with asyncio's event loop; Trio does not show it."""
    loop: Any = current_token().native_token
    selector = getattr(loop, "_selector", None)
    return selector is not None and near.fileno() in selector.get_map()


async def test_bytes_are_returned_and_the_socket_is_registered_once(
    pair: tuple[socket.socket, socket.socket], anyio_backend_name: str
) -> None:
    """Between two waits the socket stays registered with asyncio."""
    near, far = pair
    arrivals = ReadWaiter(near)
    received = []
    for part in (b"one", b"two"):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_later, far.sendall, part)
            received.append(await arrivals.wait(9, until=math.inf))
        kept = is_registered(near)
    arrivals.close()

    assert received == [b"one", b"two"]
    assert kept == (anyio_backend_name == "asyncio")
    assert not is_registered(near)


async def test_bytes_without_a_waiter_stay_in_the_socket(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    """The socket is removed from the loop until the next wait."""
    near, far = pair
    arrivals = ReadWaiter(near)
    assert await arrivals.wait(9, until=arrivals.now() + 0.001) is None
    far.sendall(b"early")
    for _ in range(2):  # the loop looks at its sockets once in each
        await checkpoint()

    assert not is_registered(near)
    assert await arrivals.wait(2, until=math.inf) == b"ea"
    assert await arrivals.wait(9, until=math.inf) == b"rly"
    far.close()
    assert await arrivals.wait(9, until=math.inf) == b""
    arrivals.close()


async def test_each_wait_has_its_own_deadline(pair: tuple[socket.socket, socket.socket]) -> None:
    """Longer or shorter than the previous one, or none."""
    near, far = pair
    arrivals = ReadWaiter(near)
    with anyio.fail_after(60):
        for seconds in (0.01, 60, 0.01, 0.02, 0.001):
            until = arrivals.now() + seconds
            if seconds == 60:
                far.sendall(b"x")
            received = await arrivals.wait(9, until=until)
            assert received == (b"x" if seconds == 60 else None)
            assert seconds == 60 or arrivals.now() >= until - 0.001
        with anyio.move_on_after(0.03) as scope:
            await arrivals.wait(9, until=math.inf)
    arrivals.close()

    assert scope.cancelled_caught


async def test_one_timer_serves_many_waits(
    pair: tuple[socket.socket, socket.socket], anyio_backend_name: str
) -> None:
    """It ends with the socket."""
    near, far = pair
    arrivals = ReadWaiter(near)
    timers = []
    for _ in range(3):
        far.sendall(b"x")
        assert await arrivals.wait(9, until=arrivals.now() + 60) == b"x"
        timers.append(arrivals._timer)
    arrivals.close()

    assert len(set(timers)) == 1
    if anyio_backend_name == "asyncio":
        assert timers[0].cancelled()


async def test_a_wait_ends_when_the_socket_is_closed_here(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    """By another task."""
    near, _ = pair
    arrivals = ReadWaiter(near)

    def close() -> None:
        anyio.notify_closing(near)
        arrivals.close()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_later, close)
        with pytest.raises(anyio.ClosedResourceError):
            await arrivals.wait(9, until=math.inf)


async def test_two_tasks_cannot_wait_at_once(pair: tuple[socket.socket, socket.socket]) -> None:
    """The second one would take the bytes of the first."""
    near, far = pair
    arrivals = ReadWaiter(near)

    async def second() -> None:
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(anyio.BusyResourceError):
            await arrivals.wait(9, until=math.inf)
        far.sendall(b"x")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(second)
        assert await arrivals.wait(9, until=math.inf) == b"x"
    arrivals.close()


async def test_waiting_on_a_closed_socket_is_an_error(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    """It has no file descriptor any more."""
    near, _ = pair
    arrivals = ReadWaiter(near)
    arrivals.close()
    near.close()

    with pytest.raises(anyio.ClosedResourceError):
        await arrivals.wait(9, until=math.inf)


async def test_a_broken_connection_is_an_error(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    """With the operating system's message."""

    class Broken(socket.socket):
        def recv(self, size: int, flags: int = 0) -> bytes:
            raise ConnectionResetError(size, flags)

    near, far = pair
    with Broken(fileno=near.detach()) as broken:
        arrivals = ReadWaiter(broken)
        far.sendall(b"x")
        with pytest.raises(ConnectionResetError):
            await arrivals.wait(9, until=math.inf)
        arrivals.close()


async def test_a_cancelled_wait_loses_nothing(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    """The next wait returns the bytes that arrived meanwhile."""
    near, far = pair
    arrivals = ReadWaiter(near)
    with anyio.move_on_after(0.001):
        await arrivals.wait(9, until=math.inf)
    far.sendall(b"x")

    assert await arrivals.wait(9, until=math.inf) == b"x"
    arrivals.close()


async def test_a_loop_without_socket_readers_is_used_through_anyio(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proactor loop of Windows has the method and raises."""
    near, far = pair
    arrivals = ReadWaiter(near)

    class Refusing:
        def add_reader(self, *_: object) -> None:
            raise NotImplementedError

    monkeypatch.setattr(arrivals, "_loop", Refusing())
    monkeypatch.setattr(arrivals, "_can_register", True)
    far.sendall(b"x")

    assert await arrivals.wait(9, until=math.inf) == b"x"
    assert await arrivals.wait(9, until=arrivals.now() + 0.001) is None
    arrivals.close()


async def _later(act: Any, *values: object) -> None:
    await anyio.wait_all_tasks_blocked()
    act(*values)
