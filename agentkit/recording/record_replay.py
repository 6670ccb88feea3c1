"""Record exchanges to a file, and replay them without a network.

In:  a transport, a file, a mode.
Out: a transport that does the same: the same answers, cuts and faults, byte for byte.

A replay is strict: every request must have been recorded, each recorded exchange is played once,
equal requests get their answers in the order they had, and all must be played. A request cancelled
before any answer is not recorded; a wait cancelled in the middle of one is a wait again.
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
from agentkit.recording.recording import (
    BodyEnd,
    RecordedExchange,
    RecordedFault,
    RecordedResponse,
    RecordingError,
)
from agentkit.recording.request_matching import nearest, request_key
from agentkit.recording.secrets import Redaction
from agentkit.recording.toml_file import load_recording, save_recording
from agentkit.transport.base import Transport, WireResponse
from agentkit.transport.open_transport import open_transport
from agentkit.wire import WireHead, WireRequest

RecordMode: TypeAlias = Literal["replay", "record", "new", "off"]
"""Only the file; only the network, into a new file; the file, and the network for what it lacks;
only the network, and no file."""


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
            path: the file; in `replay` it is missed only when something is asked.
            mode: where answers come from.
            redaction: what else is secret, beside what always is.
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
        self._made: list[RecordedExchange | None] = []
        self._played: set[int] = set()
        self._ready: dict[str, deque[int]] = defaultdict(deque)
        for index, exchange in enumerate(self._recorded):
            self._ready[request_key(exchange.provider, exchange.request)].append(index)

    def wrap(
        self, inner: Transport | None = None, *, provider: str = "", secrets: Iterable[str] = ()
    ) -> Transport:
        """Return a transport that records `inner`, or plays in its place.

        Args:
            inner: what carries the exchanges; not needed for a replay.
            provider: tells several providers in one recording apart.
            secrets: texts that must not reach the file, such as the key.
        """
        if inner is None and self.mode != "replay":
            raise ValueError(f"The mode {self.mode!r} needs a transport to the provider.")
        self._redaction = self._redaction.with_secrets(secrets)
        if inner is not None and self.mode == "off":
            return inner
        if inner is None or self.mode == "replay":
            inner = _Unasked(self, inner, provider=provider)
        return RecordingTransport(self, inner, provider=provider)

    def open_transport(self, resolved: ResolvedModel, *, base_url: str | None = None) -> Transport:
        """Return the way to a model's provider through this recording, without its key.

        For a `ProviderModel`, in place of `agentkit.transport.open_transport.open_transport`.
        A replay opens nothing.
        """
        secrets = [] if resolved.api_key is None else [resolved.api_key.get_secret_value()]
        opens = self.mode != "replay"
        inner = open_transport(resolved, base_url=base_url) if opens else None
        return self.wrap(inner, provider=resolved.provider.name, secrets=secrets)

    @property
    def exchanges(self) -> tuple[RecordedExchange, ...]:
        """Return what the file holds, or will hold once it is saved, without secrets."""
        made = (exchange for exchange in self._made if exchange is not None)
        return (*self._recorded, *(self._redaction.of_exchange(exchange) for exchange in made))

    def finish(self) -> None:
        """Save what was recorded; in a strict replay, check that all was played.

        Raises:
            RecordingError: recorded exchanges were not asked for.
        """
        match self.mode:
            case "replay" if self.is_strict:
                self._check_all_played()
            case "record" if not self.exchanges:
                self.path.unlink(missing_ok=True)
            case "record" | "new" if self._made:
                save_recording(self.path, self.exchanges)
            case _:
                pass

    def play(self, provider: str, request: WireRequest) -> RecordedExchange | None:
        """Return the recorded exchange for `request`, or None where the provider is to be asked."""
        if self.mode == "record":
            return None
        request = self._redaction.of_request(request)
        ready = self._ready.get(request_key(provider, request))
        if ready:
            repeats = self.mode == "replay" and not self.is_strict and len(ready) == 1
            index = ready[0] if repeats else ready.popleft()
            self._played.add(index)
            return self._recorded[index]
        return None

    def begin(self) -> int:
        """Keep a place for an exchange that begins now; places are in the order of requests."""
        self._made.append(None)
        return len(self._made) - 1

    def keep(self, place: int, exchange: RecordedExchange) -> None:
        """Put `exchange` at its place."""
        self._made[place] = exchange

    def miss(self, provider: str, request: WireRequest) -> str:
        """Say which recorded exchange is nearest to `request`, and where it differs first."""
        request = self._redaction.of_request(request)
        what = f"{request.method} {request.path}" + (f" to {provider!r}" if provider else "")
        again = "Record with the mode 'new' to add it, or 'record' to make all anew."
        if not self._recorded:
            state = "is empty" if self.path.exists() else "does not exist"
            return f"There is no answer for {what}: the recording {self.path} {state}. {again}"
        exact = nearest(provider, request, self._recorded)
        if exact.difference is None:
            return (
                f"{what} was asked more often than it is recorded in {self.path}; it is exchange "
                f"{exact.index + 1}, played already. {again}"
            )
        waiting = [at for at in range(len(self._recorded)) if at not in self._played]
        among = waiting or range(len(self._recorded))
        found = nearest(provider, request, [self._recorded[at] for at in among])
        return (
            f"There is no answer for {what} in {self.path}. Nearest is exchange "
            f"{among[found.index] + 1} of {len(self._recorded)}, which differs "
            f"{found.difference}. {again}"
        )

    def _check_all_played(self) -> None:
        left = [index for index in range(len(self._recorded)) if index not in self._played]
        if left:
            first = self._recorded[left[0]].request
            raise RecordingError(
                f"{len(left)} of {len(self._recorded)} exchanges of {self.path} were not asked "
                f"for; the first is exchange {left[0] + 1}, {first.method} {first.path}. "
                "Record anew if they are no longer needed."
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
        """Answer from the recording, or from the provider and into the recording.

        Raises:
            TransportError: as the provider's own, now or when it was recorded.
            RecordingError: the request is not in the recording.
        """
        recorded = self._recorder.play(self._provider, request)
        if recorded is not None:
            await checkpoint()
            yield _replayed(recorded)
            return
        place = self._recorder.begin()
        async with AsyncExitStack() as stack:
            try:
                answer = await stack.enter_async_context(self._inner.exchange(request))
            except TransportError as error:
                self._keep(place, request, RecordedFault.of(error))
                raise
            tape = _Tape(answer.chunks)
            try:
                yield WireResponse(head=answer.head, chunks=tape)
            finally:
                self._keep(place, request, tape.recorded(answer.head))

    async def aclose(self) -> None:
        """Close the transport below."""
        await self._inner.aclose()

    def _keep(
        self, place: int, request: WireRequest, outcome: RecordedResponse | RecordedFault
    ) -> None:
        exchange = RecordedExchange(provider=self._provider, request=request, outcome=outcome)
        self._recorder.keep(place, exchange)


class _Unasked:
    """Stands in a replay where the provider would; what comes this far was not recorded."""

    def __init__(self, recorder: Recorder, inner: Transport | None, *, provider: str) -> None:
        self._recorder = recorder
        self._inner = inner
        self._provider = provider

    def exchange(self, request: WireRequest) -> AbstractAsyncContextManager[WireResponse]:
        raise RecordingError(self._recorder.miss(self._provider, request))

    async def aclose(self) -> None:
        if self._inner is not None:
            await self._inner.aclose()


class _Tape(AsyncIterator[bytes]):
    """Hands chunks on and keeps them."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._kept: list[bytes] = []
        self._end: BodyEnd = "left"
        self._fault: RecordedFault | None = None

    async def __anext__(self) -> bytes:
        self._end = "silent"  # until more arrives; a wait may be cancelled
        try:
            chunk = await anext(self._chunks)
        except StopAsyncIteration:
            self._end = "whole"
            raise
        except TransportError as error:
            self._end = "whole"
            self._fault = RecordedFault.of(error)
            raise
        self._end = "left"
        self._kept.append(chunk)
        return chunk

    def recorded(self, head: WireHead) -> RecordedResponse:
        """Return what was read so far."""
        return RecordedResponse(
            head=head, chunks=tuple(self._kept), end=self._end, fault=self._fault
        )


class _Replay(AsyncIterator[bytes]):
    """Gives recorded chunks, then the recorded end."""

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
        if self._end == "silent":
            await sleep_forever()
        if self._end == "left":
            raise RecordingError(
                "This answer was read only in part when it was recorded, and now more of it is "
                "asked for; record anew."
            )
        raise StopAsyncIteration


def _replayed(recorded: RecordedExchange) -> WireResponse:
    """Return the recorded answer, or raise the recorded fault."""
    match recorded.outcome:
        case RecordedFault():
            raise recorded.outcome.error()
        case RecordedResponse() as answer:
            return WireResponse(head=answer.head, chunks=_Replay(answer))
