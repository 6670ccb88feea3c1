"""So many at the same time, over tasks, event loops and threads.

In:  gates, each with a limit; who wants to pass which of them.
Out: a `Place` that counts in all these gates until it is left, from any thread.

All gates are passed at once or none: who waits for one takes nothing from others. Who runs inside
a place and wants another of the same gate borrows the one it stands in: a tool that runs an agent
waits for that agent's tools, and would wait for ever if its own place counted against them.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Any

import anyio
from anyio.lowlevel import current_token


class Gate:
    """A limit, and how many count against it now. It changes under its gatehouse's lock."""

    __slots__ = ("limit", "taken")

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"The limit is {limit}; it must be 1 or more.")
        self.limit = limit
        self.taken = 0


class Place:
    """What one call has taken. Its fields change under the gatehouse's lock.

    Attributes:
        lenders: for each gate, the place that lends its own; None where the gate itself gave one.
        lent: the gates in which this place is lent to a call inside.
    """

    __slots__ = ("house", "is_left", "lenders", "lent")

    def __init__(self, house: "Gatehouse", lenders: "dict[Gate, Place | None]") -> None:
        self.house = house
        self.lenders = lenders
        self.lent: set[Gate] = set()
        self.is_left = False

    def leave(self) -> None:
        """Give the place back, from any thread; a second time does nothing."""
        self.house.leave(self)


class Gatehouse:
    """Lets calls through gates, in the order they came where they want the same."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: dict[_Waiter, None] = {}

    async def enter(self, gates: Sequence[Gate]) -> Place:
        """Wait until all of `gates` can be passed, and pass them."""
        held = tuple(place for place in reversed(_held.get()) if place.house is self)
        with self._lock:
            place = self._take(gates, held)
            if place is not None:
                return place
            waiter = _Waiter(gates, held)
            self._waiting[waiter] = None
        try:
            while waiter.place is None:
                await waiter.admitted.wait()
        except BaseException:
            self._give_up(waiter)
            raise
        return waiter.place

    def leave(self, place: Place) -> None:
        """Take a place back, from any thread; a second time does nothing."""
        with self._lock:
            if place.is_left:
                return
            place.is_left = True
            for gate in place.lenders:
                self._free(place, gate)
            admitted = self._admit()
        for waiter in admitted:
            if not waiter.wake():
                self._give_up(waiter)

    def _take(self, gates: Sequence[Gate], held: Sequence[Place]) -> Place | None:
        """Return a place in all gates, or None; nothing is taken then."""
        lenders: dict[Gate, Place | None] = {}
        for gate in gates:
            lenders[gate] = None
            if gate.taken >= gate.limit:
                lender = next((place for place in held if gate in place.lenders), None)
                if lender is None or lender.is_left or gate in lender.lent:
                    return None
                lenders[gate] = lender
        for gate, lender in lenders.items():
            if lender is None:
                gate.taken += 1
            else:
                lender.lent.add(gate)
        return Place(self, lenders)

    def _free(self, place: Place, gate: Gate) -> None:
        """Give back one gate; what is lent stays taken until it comes back."""
        if gate in place.lent:
            return
        lender = place.lenders[gate]
        if lender is None:
            gate.taken -= 1
            return
        lender.lent.remove(gate)
        if lender.is_left:
            self._free(lender, gate)

    def _admit(self) -> "list[_Waiter]":
        """Give places to those who can have one, first come, first served."""
        admitted: list[_Waiter] = []
        for waiter in self._waiting:
            waiter.place = self._take(waiter.gates, waiter.held)
            if waiter.place is not None:
                admitted.append(waiter)
        for waiter in admitted:
            del self._waiting[waiter]
        return admitted

    def _give_up(self, waiter: "_Waiter") -> None:
        """Forget who waits no longer; a place that came at the same moment is passed on."""
        with self._lock:
            self._waiting.pop(waiter, None)
            place = waiter.place
        if place is not None:
            place.leave()


@contextmanager
def standing_in(place: Place) -> Iterator[None]:
    """Let what runs inside, also in threads it starts, borrow this place."""
    token = _held.set((*_held.get(), place))
    try:
        yield
    finally:
        _held.reset(token)


class _Waiter:
    """Somebody who waits, in some event loop."""

    __slots__ = ("_soon", "admitted", "gates", "held", "place")

    def __init__(self, gates: Sequence[Gate], held: Sequence[Place]) -> None:
        self.gates = gates
        self.held = held
        self.place: Place | None = None
        self.admitted = anyio.Event()
        # anyio calls into another event loop only by blocking; the loops themselves need not.
        loop: Any = current_token().native_token
        self._soon: Callable[[Callable[[], object]], object] = (
            loop.call_soon_threadsafe
            if hasattr(loop, "call_soon_threadsafe")
            else loop.run_sync_soon
        )

    def wake(self) -> bool:
        """Wake whoever waits; say whether its event loop still runs."""
        try:
            self._soon(self.admitted.set)
        except RuntimeError:
            return False
        return True


_held: ContextVar[tuple[Place, ...]] = ContextVar("agentkit_tool_places", default=())
