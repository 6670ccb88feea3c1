"""Faults, answers left early, and exchanges side by side, recorded and replayed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from agentkit.errors import TransportError
from agentkit.recording.record_replay import Recorder, open_recording
from agentkit.recording.recording import RecordedResponse, RecordingError
from agentkit.transport.base import Transport, WireResponse
from agentkit.wire import WireRequest
from tests.unit.transport.scripted_provider import (
    SSE,
    BodyParts,
    FakeProvider,
    ask,
    read,
    recorded,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a recording that does not exist, in a folder that does not either."""
    return tmp_path / "recordings" / "one.toml"


async def test_a_fault_before_the_answer_is_replayed(path: Path) -> None:
    """All that a caller can act on is the same."""
    fault = TransportError(
        "no route", kind="timeout", retry="same", status=504, request_id="r", retry_after_seconds=2
    )
    await recorded(path, FakeProvider(fault, (b"one",)), ask("x"), ask("x"))
    transport = Recorder(path).wrap()

    with pytest.raises(TransportError, match="no route") as caught:
        await read(transport, ask("x"))

    assert vars(caught.value) == vars(fault)
    assert (await read(transport, ask("x")))[1] == [b"one"]


async def test_a_fault_in_the_middle_of_an_answer_is_replayed_at_its_place(path: Path) -> None:
    """The chunks before it arrive; after it there is nothing."""
    fault = TransportError("cut", kind="stream_interrupted", retry="same")
    await recorded(path, FakeProvider((b"one", fault)), ask("x"))

    async with Recorder(path).wrap().exchange(ask("x")) as answer:
        first = await anext(answer.chunks)
        with pytest.raises(TransportError, match="cut") as caught:
            await anext(answer.chunks)
        with pytest.raises(StopAsyncIteration):
            await anext(answer.chunks)

    assert (first, caught.value.kind, caught.value.retry) == (b"one", "stream_interrupted", "same")


async def test_an_answer_left_early_replays_as_far_as_it_was_read(path: Path) -> None:
    """What no one saw cannot be made up."""
    with open_recording(path, mode="record") as recorder:
        async with recorder.wrap(FakeProvider((b"one", b"two"))).exchange(ask("x")) as answer:
            await anext(answer.chunks)

    async with Recorder(path).wrap().exchange(ask("x")) as answer:
        assert await anext(answer.chunks) == b"one"
        with pytest.raises(RecordingError, match="read only in part"):
            await anext(answer.chunks)


async def test_a_wait_that_was_given_up_is_a_wait_again(path: Path) -> None:
    """A deadline in the middle of an answer is reached in the replay too."""

    class Stalls(BodyParts):
        async def __anext__(self) -> bytes:
            try:
                return await super().__anext__()
            except StopAsyncIteration:
                await anyio.sleep_forever()
                raise

    class Provider(FakeProvider):
        @asynccontextmanager
        async def exchange(self, request: WireRequest) -> AsyncIterator[WireResponse]:
            self.requests.append(request)
            yield WireResponse(head=SSE, chunks=Stalls([b"one"]))

    async def until_deadline(transport: Transport) -> list[bytes]:
        chunks: list[bytes] = []
        with anyio.move_on_after(0.02) as scope:
            async with transport.exchange(ask("x")) as answer:
                chunks += [await anext(answer.chunks)]
                await anext(answer.chunks)
        assert scope.cancelled_caught
        return chunks

    with open_recording(path, mode="record") as recorder:
        assert await until_deadline(recorder.wrap(Provider())) == [b"one"]

    with open_recording(path) as recorder:
        assert await until_deadline(recorder.wrap()) == [b"one"]


async def test_an_exchange_cancelled_before_its_head_is_not_recorded(path: Path) -> None:
    """There is nothing to replay."""

    class Silent(FakeProvider):
        @asynccontextmanager
        async def exchange(self, request: WireRequest) -> AsyncIterator[WireResponse]:
            self.requests.append(request)
            await anyio.sleep_forever()
            yield WireResponse(head=SSE, chunks=BodyParts(()))

    with open_recording(path, mode="record") as recorder:
        with anyio.move_on_after(0.01):
            await read(recorder.wrap(Silent()), ask("x"))
        await read(recorder.wrap(FakeProvider((b"y",))), ask("y"))

    assert [exchange.request.body for exchange in Recorder(path).exchanges] == [
        b'{"model":"m","messages":[{"role":"user","content":"y"}]}'
    ]


async def test_exchanges_side_by_side_are_kept_in_the_order_they_began(path: Path) -> None:
    """Both are under way at once; the one that began first ends last."""
    order: list[str] = []
    both = anyio.Event()

    class WaitingChunks(AsyncIterator[bytes]):
        def __init__(self, text: str) -> None:
            self._chunks = [text.encode()]

        async def __anext__(self) -> bytes:
            if not self._chunks:
                raise StopAsyncIteration
            if self._chunks == [b"first"]:
                await both.wait()
            return self._chunks.pop()

    class Slow(FakeProvider):
        @asynccontextmanager
        async def exchange(self, request: WireRequest) -> AsyncIterator[WireResponse]:
            text = "first" if b"first" in request.body else "second"
            yield WireResponse(head=SSE, chunks=WaitingChunks(text))
            order.append(text)
            both.set()

    async def one(transport: Transport, text: str, started: anyio.Event) -> None:
        async with transport.exchange(ask(text)) as answer:
            started.set()
            assert [chunk async for chunk in answer.chunks] == [text.encode()]

    with anyio.fail_after(60), open_recording(path, mode="record") as recorder:
        async with anyio.create_task_group() as group:
            transport = recorder.wrap(Slow())
            begun = anyio.Event()
            group.start_soon(one, transport, "first", begun)
            await begun.wait()
            group.start_soon(one, transport, "second", anyio.Event())

    assert order == ["second", "first"]
    outcomes = [exchange.outcome for exchange in Recorder(path).exchanges]
    assert [outcome.chunks for outcome in outcomes if isinstance(outcome, RecordedResponse)] == [
        (b"first",),
        (b"second",),
    ]


async def test_replays_may_run_side_by_side_in_another_order(path: Path) -> None:
    """Each request finds its own answer."""
    requests = [ask(f"q{number}") for number in range(20)]
    await recorded(path, FakeProvider(*((f"{n}".encode(),) for n in range(20))), *requests)
    found: dict[int, list[bytes]] = {}

    async def one(transport: Transport, number: int) -> None:
        found[number] = (await read(transport, requests[number]))[1]

    with open_recording(path) as recorder:
        async with anyio.create_task_group() as group:
            for number in reversed(range(20)):
                group.start_soon(one, recorder.wrap(), number)

    assert found == {number: [f"{number}".encode()] for number in range(20)}
