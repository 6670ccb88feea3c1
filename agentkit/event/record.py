"""Event records: an event with its run, its time and its place.

In:  `RunEvent`s.
Out: `EventRecord`s, with one line of JSON for each; `Listener`, who gets them, of one run or of all
     runs of this process.

A `Listener` is awaited: a slow one slows the run and fills no memory.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import cache
from typing import TypeAlias

from pydantic import TypeAdapter

from agentkit.event.events import RunEvent
from agentkit.surrogates import dump_json
from agentkit.value import record


@record
class EventRecord:
    """An event with its run, its time and its place.

    Attributes:
        run_id: the run in which it happened.
        event: the event, one of `RunEvent`.
        parent_id: the run whose tool runs this one; None for an outermost run.
        call_id: the call of the parent whose tool runs this run.
        segment: counts the parts of a run that was suspended, from 1.
        seq: counts the records of an outermost run and all runs inside it, from 1; None for a
            replay.
        at: when it happened, in UTC.
        is_replay: an earlier life of the run did this; the journal remembers it.
    """

    run_id: str
    event: RunEvent
    at: datetime
    segment: int = 1
    seq: int | None = None
    parent_id: str | None = None
    call_id: str | None = None
    is_replay: bool = False

    def to_json(self) -> str:
        """Return the record as one line of JSON; `event.type` says which event it holds."""
        return dump_json(_record_codec(), self)

    @staticmethod
    def from_json(text: str | bytes) -> "EventRecord":
        """Read a record that `to_json` wrote.

        Raises:
            ValueError: it is not one.
        """
        return _record_codec().validate_json(text)


Listener: TypeAlias = Callable[[EventRecord], Awaitable[None]]
"""Awaited for each record, in order.

Text deltas come only to one made by `with_deltas`, requests only to one made by `with_requests`.
"""


class ImmediateListener(ABC):
    """A listener that takes a record without waiting; a run with no other one needs no lock."""

    @abstractmethod
    def take(self, record: EventRecord) -> None:
        """Take the next record of a run."""

    async def __call__(self, record: EventRecord) -> None:
        """Take the next record of a run; see `Listener`."""
        self.take(record)


class _SelectingListener:
    """A listener that gets more than the usual records."""

    def __init__(
        self, listener: Listener, *, wants_deltas: bool = False, wants_requests: bool = False
    ) -> None:
        self._listener = listener
        self.wants_deltas: bool = wants_deltas or getattr(listener, "wants_deltas", False)
        self.wants_requests: bool = wants_requests or getattr(listener, "wants_requests", False)

    def __call__(self, record: EventRecord) -> Awaitable[None]:
        """Pass `record` on."""
        return self._listener(record)


def with_deltas(listener: Listener) -> Listener:
    """Return `listener` so that it also gets the pieces of text, reasoning and arguments."""
    return _SelectingListener(listener, wants_deltas=True)


def with_requests(listener: Listener) -> Listener:
    """Return `listener` so that it also gets what each model is asked; see `ModelRequested`.

    Prompts are personal data: the usual records hold none.
    """
    return _SelectingListener(listener, wants_requests=True)


@cache
def _record_codec() -> TypeAdapter[EventRecord]:
    """Build the reader and writer of records, at first use."""
    return TypeAdapter(EventRecord)


_listeners: list[Listener] = []


def add_process_listener(listener: Listener) -> None:
    """Add a listener of all runs that begin from now on; runs inside them report to it too."""
    if listener not in _listeners:
        _listeners.append(listener)


def remove_process_listener(listener: Listener) -> None:
    """Remove a listener; runs that have begun still report to it."""
    if listener in _listeners:
        _listeners.remove(listener)


def process_listeners() -> Sequence[Listener]:
    """Return the listeners in the order they were added."""
    return _listeners
