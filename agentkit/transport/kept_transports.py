"""Keep the connections of one run for later runs of the same event loop.

In:  what identifies a transport, and how to open it.
Out: a transport for one run; its idle connections stay open for the next one.

An agent that is not entered opens its model for each run. Without this, each run would pay for a
connection and a TLS handshake. The transports are closed when the event loop ends: a suspended
asynchronous generator is what asyncio (`loop.shutdown_asyncgens`) and Trio finalize by then, so no
task and no timer outlives a run.
"""

from collections.abc import AsyncGenerator, Callable
from weakref import WeakKeyDictionary

import anyio
from anyio.lowlevel import RunVar

from agentkit.transport.base import CLOSE_SECONDS, Transport

MAX_UNUSED = 16
"""How many transports that no run uses stay open; those unused for the longest are closed."""


class KeptTransport:
    """A transport that outlives the runs that use it.

    Attributes:
        transport: the transport.
        made: what was built on it, by whom; dropped with either.
    """

    __slots__ = ("key", "made", "transport", "users")

    def __init__(self, key: object, transport: Transport) -> None:
        self.key: object = key
        self.transport: Transport = transport
        self.made: WeakKeyDictionary[object, object] = WeakKeyDictionary()
        self.users: int = 1


async def take_transport(key: object, open_new: Callable[[], Transport]) -> KeptTransport:
    """Return the transport of this event loop for `key`; runs at the same time share it.

    Args:
        key: what the transport depends on, compared by `==`: the provider, the key, the settings.
        open_new: opens the transport if there is none.

    Returns:
        The transport; pass it to `return_transport` after the run.
    """
    try:
        transports = _transports.get()
    except LookupError:
        transports = _Transports()
        _transports.set(transports)
        await transports.start()
    return transports.take(key) or transports.add(key, open_new())


async def return_transport(kept: KeptTransport) -> None:
    """Leave a transport to later runs; call this on the event loop that it was taken on."""
    kept.users -= 1
    for unused in _transports.get().excess():
        await close_transport(unused)


async def close_transport(transport: Transport) -> None:
    """Close a transport, also if the caller was cancelled."""
    with anyio.move_on_after(CLOSE_SECONDS, shield=True):
        await transport.aclose()


class _Transports:
    """The transports of one event loop, the one used last at the end."""

    def __init__(self) -> None:
        self._entries: list[KeptTransport] = []
        self._closer = self._close_with_loop()

    async def start(self) -> None:
        """Have the event loop close the transports when it ends."""
        await anext(self._closer)

    def take(self, key: object) -> KeptTransport | None:
        """Return the entry for a key, which has one more user then."""
        # At most a few: comparing them is cheaper than hashing a profile.
        for entry in self._entries:
            if entry.key == key:
                entry.users += 1
                if entry is not self._entries[-1]:
                    self._entries.remove(entry)
                    self._entries.append(entry)
                return entry
        return None

    def add(self, key: object, transport: Transport) -> KeptTransport:
        """Add an entry with one user."""
        self._entries.append(KeptTransport(key, transport))
        return self._entries[-1]

    def excess(self) -> list[Transport]:
        """Remove the transports that are too many, and return them."""
        if len(self._entries) <= MAX_UNUSED:
            return []
        unused = [entry for entry in self._entries if not entry.users]
        dropped = unused[: max(len(unused) - MAX_UNUSED, 0)]
        self._entries = [entry for entry in self._entries if entry not in dropped]
        return [entry.transport for entry in dropped]

    async def _close_with_loop(self) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            while self._entries:
                await close_transport(self._entries.pop().transport)


_transports: RunVar[_Transports] = RunVar("agentkit_kept_transports")
