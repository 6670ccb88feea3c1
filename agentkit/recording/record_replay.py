"""Record exchanges to a file, and replay them without a network.

In:  a transport, a file, a mode.
Out: a transport with the same responses, chunk boundaries and faults, byte for byte.

A replay is strict: every request must have been recorded, each recorded exchange is replayed once,
equal requests get their responses in the recorded order, and all must be replayed. A request that
was cancelled before its response is not recorded; a wait that was cancelled in the middle of a body
waits again.
"""

from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from pathlib import Path
from typing import Literal, TypeAlias

from anyio import sleep_forever
from anyio.lowlevel import checkpoint

from agentkit.config.load import ResolvedModel
from agentkit.errors import TransportError
from agentkit.recording.exchange_redaction import Redaction
from agentkit.recording.recording import (
    BodyEnd,
    RecordedExchange,
    RecordedFault,
    RecordedResponse,
    RecordingError,
)
from agentkit.recording.request_matching import nearest, request_key
from agentkit.recording.toml_file import load_recording, save_recording
from agentkit.transport.base import Transport, WireResponse
from agentkit.transport.open_transport import open_transport
from agentkit.wire import WireHead, WireRequest

RecordMode: TypeAlias = Literal["replay", "record", "new", "off"]
"""Only the file; only the network, into a new file; the file, and the network for what it lacks;
only the network, without a file."""


class Recorder:
    """One open recording; several transports may share it."""

    def __init__(
        self,
        path: Path,
        *,
        mode: RecordMode = "replay",
        redaction: Redaction | None = None,
        is_strict: bool = True,
    ) -> None:
        """Open a recording; `open_recording` also saves and checks it at the end.

        Args:
            path: the file; in `replay` it may be missing until the first request.
            mode: where responses come from.
            redaction: what is secret in addition to what always is.
            is_strict: False lets a replay repeat the last of equal exchanges and leave some out.

        Raises:
            RecordingError: the file cannot be read.
        """
        self.path = path
        self.mode = mode
        self.is_strict = is_strict
        self._redaction = redaction or Redaction()
        reads = mode in ("replay", "new") and path.exists()
        self._recorded = load_recording(path) if reads else ()
        self._new: list[RecordedExchange | None] = []
        self._replayed: set[int] = set()
        self._unplayed: dict[str, deque[int]] = defaultdict(deque)
        for index, exchange in enumerate(self._recorded):
            self._unplayed[request_key(exchange.provider, exchange.request)].append(index)

    def wrap(
        self, inner: Transport | None = None, *, provider: str = "", secrets: Iterable[str] = ()
    ) -> Transport:
        """Return a transport that records `inner`, or replays in its place.

        Args:
            inner: the transport to record; not needed for a replay.
            provider: distinguishes several providers in one recording.
            secrets: texts that must not reach the file, such as the key.
        """
        if inner is None and self.mode != "replay":
            raise ValueError(f"The mode {self.mode!r} needs a transport to the provider.")
        self._redaction = self._redaction.with_secrets(secrets)
        if inner is not None and self.mode == "off":
            return inner
        if inner is None or self.mode == "replay":
            inner = _NotRecordedTransport(self, inner, provider=provider)
        return RecordingTransport(self, inner, provider=provider)

    def open_transport(self, resolved: ResolvedModel, *, base_url: str | None = None) -> Transport:
        """Return a transport to a model's provider through this recording, without its key.

        For a `ProviderModel`, in place of `agentkit.transport.open_transport.open_transport`.
        A replay opens nothing.
        """
        secrets = [] if resolved.api_key is None else [resolved.api_key.get_secret_value()]
        opens = self.mode != "replay"
        inner = open_transport(resolved, base_url=base_url) if opens else None
        return self.wrap(inner, provider=resolved.provider.name, secrets=secrets)

    @property
    def exchanges(self) -> tuple[RecordedExchange, ...]:
        """Return what the file contains, or will contain once it is saved, without secrets."""
        made = (exchange for exchange in self._new if exchange is not None)
        return (*self._recorded, *(self._redaction.redact_exchange(exchange) for exchange in made))

    def finish(self) -> None:
        """Save what was recorded; in a strict replay, check that all was replayed.

        Raises:
            RecordingError: recorded exchanges were not requested.
        """
        match self.mode:
            case "replay" if self.is_strict:
                self._check_all_replayed()
            case "record" if not self.exchanges:
                self.path.unlink(missing_ok=True)
            case "record" | "new" if self._new:
                save_recording(self.path, self.exchanges)
            case _:
                pass

    def replay(self, provider: str, request: WireRequest) -> RecordedExchange | None:
        """Return the recorded exchange for `request`, or None if the request must be sent."""
        if self.mode == "record":
            return None
        request = self._redaction.redact_request(request)
        unplayed = self._unplayed.get(request_key(provider, request))
        if unplayed:
            repeats = self.mode == "replay" and not self.is_strict and len(unplayed) == 1
            index = unplayed[0] if repeats else unplayed.popleft()
            self._replayed.add(index)
            return self._recorded[index]
        return None

    def reserve(self) -> int:
        """Reserve the position of an exchange that begins now, in the order of requests."""
        self._new.append(None)
        return len(self._new) - 1

    def store(self, position: int, exchange: RecordedExchange) -> None:
        """Store `exchange` at its position."""
        self._new[position] = exchange

    def describe_miss(self, provider: str, request: WireRequest) -> str:
        """Return which recorded exchange is nearest to `request`, and the first difference."""
        request = self._redaction.redact_request(request)
        what = f"{request.method} {request.path}" + (f" to {provider!r}" if provider else "")
        again = "Record with the mode 'new' to add it, or 'record' to write a new file."
        if not self._recorded:
            state = "is empty" if self.path.exists() else "does not exist"
            return f"There is no response for {what}: the recording {self.path} {state}. {again}"
        exact = nearest(provider, request, self._recorded)
        if exact.difference is None:
            return (
                f"{what} was requested more often than it is recorded in {self.path}; it is "
                f"exchange {exact.index + 1}, which was replayed already. {again}"
            )
        waiting = [at for at in range(len(self._recorded)) if at not in self._replayed]
        among = waiting or range(len(self._recorded))
        found = nearest(provider, request, [self._recorded[at] for at in among])
        return (
            f"There is no response for {what} in {self.path}. Nearest is exchange "
            f"{among[found.index] + 1} of {len(self._recorded)}, which differs "
            f"{found.difference}. {again}"
        )

    def _check_all_replayed(self) -> None:
        left = [index for index in range(len(self._recorded)) if index not in self._replayed]
        if left:
            first = self._recorded[left[0]].request
            raise RecordingError(
                f"{len(left)} of {len(self._recorded)} exchanges of {self.path} were not "
                f"requested; the first is exchange {left[0] + 1}, {first.method} {first.path}. "
                "Record again if they are no longer needed."
            )


@contextmanager
def open_recording(
    path: Path,
    *,
    mode: RecordMode = "replay",
    redaction: Redaction | None = None,
    is_strict: bool = True,
) -> Iterator[Recorder]:
    """Open a recording, and save or check it at the end unless an error ends the block.

    Args are those of `Recorder`.

    Raises:
        RecordingError: the file cannot be read, or recorded exchanges were not asked for.
    """
    recorder = Recorder(path, mode=mode, redaction=redaction, is_strict=is_strict)
    yield recorder
    recorder.finish()


class RecordingTransport:
    """Carries exchanges through a recording."""

    def __init__(self, recorder: Recorder, inner: Transport, *, provider: str) -> None:
        self._recorder = recorder
        self._inner = inner
        self._provider = provider

    @asynccontextmanager
    async def exchange(self, request: WireRequest) -> AsyncIterator[WireResponse]:
        """Respond from the recording, or from the provider and into the recording.

        Raises:
            TransportError: the provider's, now or when it was recorded.
            RecordingError: the request is not in the recording.
        """
        recorded = self._recorder.replay(self._provider, request)
        if recorded is not None:
            await checkpoint()
            yield _replay(recorded)
            return
        position = self._recorder.reserve()
        async with AsyncExitStack() as stack:
            try:
                answer = await stack.enter_async_context(self._inner.exchange(request))
            except TransportError as error:
                self._store(position, request, RecordedFault.of(error))
                raise
            body = _RecordingBody(answer.chunks)
            try:
                yield WireResponse(answer.head, body)
            finally:
                self._store(position, request, body.recorded(answer.head))

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()

    def _store(
        self, position: int, request: WireRequest, outcome: RecordedResponse | RecordedFault
    ) -> None:
        exchange = RecordedExchange(provider=self._provider, request=request, outcome=outcome)
        self._recorder.store(position, exchange)


class _NotRecordedTransport:
    """Replaces the provider in a replay; a request that reaches it was not recorded."""

    def __init__(self, recorder: Recorder, inner: Transport | None, *, provider: str) -> None:
        self._recorder = recorder
        self._inner = inner
        self._provider = provider

    def exchange(self, request: WireRequest) -> AbstractAsyncContextManager[WireResponse]:
        raise RecordingError(self._recorder.describe_miss(self._provider, request))

    async def aclose(self) -> None:
        if self._inner is not None:
            await self._inner.aclose()


class _RecordingBody(AsyncIterator[bytes]):
    """Forwards chunks and stores them."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._kept: list[bytes] = []
        self._end: BodyEnd = "abandoned"
        self._fault: RecordedFault | None = None

    async def __anext__(self) -> bytes:
        self._end = "stalled"  # until more arrives; a wait may be cancelled
        try:
            chunk = await anext(self._chunks)
        except StopAsyncIteration:
            self._end = "complete"
            raise
        except TransportError as error:
            self._end = "complete"
            self._fault = RecordedFault.of(error)
            raise
        self._end = "abandoned"
        self._kept.append(chunk)
        return chunk

    def recorded(self, head: WireHead) -> RecordedResponse:
        """Return what was read so far."""
        return RecordedResponse(
            head=head, chunks=tuple(self._kept), end=self._end, fault=self._fault
        )


class _ReplayedBody(AsyncIterator[bytes]):
    """Yields recorded chunks, then the recorded end."""

    def __init__(self, answer: RecordedResponse) -> None:
        self._chunks = iter(answer.chunks)
        self._end = answer.end
        self._fault = answer.fault

    async def __anext__(self) -> bytes:
        await checkpoint()
        for chunk in self._chunks:
            return chunk
        if self._fault is not None:
            fault, self._fault = self._fault, None
            raise fault.error()
        if self._end == "stalled":
            await sleep_forever()
        if self._end == "abandoned":
            raise RecordingError(
                "This response was read only in part when it was recorded, and now more of it "
                "is read; record it again."
            )
        raise StopAsyncIteration


def _replay(recorded: RecordedExchange) -> WireResponse:
    """Return the recorded response, or raise the recorded fault."""
    match recorded.outcome:
        case RecordedFault():
            raise recorded.outcome.error()
        case RecordedResponse() as answer:
            return WireResponse(answer.head, _ReplayedBody(answer))
