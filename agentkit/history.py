"""The immutable conversation.

In:  messages in order; or a stored conversation.
Out: `History`, a value that is consistent at any time.

A history never holds two calls with the same id, a result without its call, two results for one
call, or any other message while calls are open. With open calls at its end it is a paused run.

Histories that grow from each other share one list, so adding a message costs the same at any
length. Adding to a history that is not the newest copies the list once.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from threading import Lock
from typing import Annotated, Any, ClassVar, overload

from pydantic import Field, TypeAdapter, ValidationError

from agentkit.errors import HistoryError
from agentkit.lazy_import import LazyModule
from agentkit.message import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolCall,
    ToolResult,
    UserMessage,
)
from agentkit.surrogates import replace_surrogates

notebook: LazyModule = LazyModule("agentkit.notebook")

VERSION = 2
"""The version of the stored form that `History.to_json` writes."""

_OTHERS = (AssistantMessage, UserMessage, SystemMessage)
_LOCK = Lock()
"""Held while messages are appended to a shared list; one lock for all, since appending is quick."""


class _Log:
    """The part that histories share: an append-only list and the position of each call id."""

    __slots__ = ("__weakref__", "calls", "messages")

    def __init__(self, messages: list[Message], calls: dict[str, int]) -> None:
        self.messages = messages
        self.calls = calls


class History(Sequence[Message]):
    """A conversation, oldest message first."""

    __slots__ = ("_length", "_log", "_open")

    def __init__(self, messages: Iterable[Message] = ()) -> None:
        """Build a history.

        Raises:
            HistoryError: a message does not fit the messages before it.
        """
        self._begin([replace_surrogates(message) for message in messages])

    @classmethod
    def from_stored(cls, messages: Iterable[Message]) -> "History":
        """Build a history of messages that were in one before, so hold no lone surrogates.

        Raises:
            HistoryError: a message does not fit the messages before it.
        """
        history = object.__new__(cls)
        history._begin(tuple(messages))
        return history

    def _begin(self, messages: Sequence[Message]) -> None:
        """Fill a new history."""
        self._log = _Log([], {})
        self._length = 0
        self._open: tuple[ToolCall, ...] = ()
        self._open = self._append(messages)
        self._length = len(self._log.messages)

    @property
    def messages(self) -> tuple[Message, ...]:
        """Return all messages; costs a copy."""
        return tuple(self)

    @property
    def lineage(self) -> object:
        """Return what is the same object for histories of which one is the start of the other.

        Histories that are equal by chance have different ones. It can be referred to weakly.
        """
        return self._log

    @property
    def last(self) -> Message | None:
        """Return the newest message; None if there is none."""
        return self._log.messages[self._length - 1] if self._length else None

    @property
    def open_calls(self) -> tuple[ToolCall, ...]:
        """Return the calls without a result, in the order the model made them."""
        return self._open

    def has_call(self, call_id: str) -> bool:
        """Return whether a call of the conversation has this id."""
        return self._log.calls.get(call_id, self._length) < self._length

    def __add__(self, messages: Iterable[Message]) -> "History":
        """Return this history with `messages` at its end.

        Raises:
            HistoryError: a message does not fit the messages before it; this history is unchanged.
        """
        return self.add_repaired([replace_surrogates(message) for message in messages])

    def add_repaired(self, messages: Sequence[Message]) -> "History":
        """Return this history with messages that hold no lone surrogates; else as `+`.

        Raises:
            HistoryError: a message does not fit the messages before it; this history is unchanged.
        """
        if not messages:
            return self
        grown, log = object.__new__(History), self._log
        with _LOCK:
            if len(log.messages) == self._length:
                grown._open = self._append(messages)
                grown._log, grown._length = log, len(log.messages)
                return grown
            log = _Log(log.messages[: self._length], self._own_calls())
        grown._log, grown._length, grown._open = log, self._length, self._open
        return grown.add_repaired(messages)

    def _repr_html_(self) -> str:
        """Return the conversation for a notebook."""
        html: str = notebook.messages_to_html(self)
        return html

    def to_json(self) -> str:
        """Return the stored form: JSON text with a version number, safe in any encoding."""
        messages = message_codec().dump_python(list(self), mode="json")
        return json.dumps({"version": VERSION, "messages": messages}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> "History":
        """Read a stored form, of this version or an older one.

        Raises:
            HistoryError: the text is not JSON, its version is unknown, or its messages do not make
                a consistent history.
        """
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise HistoryError(f"The stored history is not JSON: {error}.") from error
        if not isinstance(document, dict) or "version" not in document:
            raise HistoryError("The stored history is not an object with a 'version'.")
        try:
            return cls(message_codec().validate_python(upgrade_messages(document)))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            where = f"message {place}" if place else "its messages"
            raise HistoryError(
                f"The stored history cannot be read: {where}: {first['msg']}."
            ) from error

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Message]:
        return islice(self._log.messages, self._length)

    def __reversed__(self) -> Iterator[Message]:
        return map(self._log.messages.__getitem__, range(self._length - 1, -1, -1))

    @overload
    def __getitem__(self, index: int) -> Message: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Message]: ...
    def __getitem__(self, index: int | slice) -> Message | Sequence[Message]:
        if type(index) is int and 0 <= index < self._length:  # the usual case
            return self._log.messages[index]
        if isinstance(index, slice):
            start, stop, step = index.indices(self._length)
            if step == 1:
                return self._log.messages[start:stop]
            return [self._log.messages[i] for i in range(start, stop, step)]
        if not -self._length <= index < self._length:
            raise IndexError(f"The history has {self._length} messages, not one at {index}.")
        return self._log.messages[index % self._length]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, History):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # messages may hold JSON objects

    def __repr__(self) -> str:
        return f"History({list(self)!r})"

    def __reduce__(self) -> tuple[type["History"], tuple[tuple[Message, ...]]]:
        """Copy and pickle only the messages, without the shared list."""
        return History, (self.messages,)

    def _own_calls(self) -> dict[str, int]:
        """Return the call ids of this history, without those of longer histories."""
        return {name: at for name, at in self._log.calls.items() if at < self._length}

    def _append(self, messages: Sequence[Message]) -> tuple[ToolCall, ...]:
        """Append to the shared list, all or nothing, and return the calls that are open then."""
        log = self._log
        if self._is_closed_by(messages):
            log.messages.extend(messages)
            return ()
        open_calls = {call.id: call for call in self._open} if self._open else {}
        new_calls: dict[str, int] = {}
        for position, message in enumerate(messages, start=self._length):
            if isinstance(message, ToolResult):
                if open_calls.pop(message.call_id, None) is None:
                    raise _no_open_call(message, known=log.calls, new=new_calls)
                continue
            if not isinstance(message, _OTHERS):
                raise HistoryError(
                    f"The item at {position} is a {type(message).__name__!r} and not a message; "
                    "write e.g. UserMessage('…')."
                )
            if open_calls:
                raise HistoryError(
                    f"The {message.role} message at {position} comes before the results of the "
                    f"calls {sorted(open_calls)}; add their results first."
                )
            if isinstance(message, AssistantMessage):
                for call in message.tool_calls:
                    if call.id in log.calls or call.id in new_calls:
                        raise HistoryError(
                            f"The call id {call.id!r} is used twice; ids are unique in a history."
                        )
                    new_calls[call.id] = position
                    open_calls[call.id] = call
        log.messages.extend(messages)
        log.calls.update(new_calls)
        return tuple(open_calls.values())

    def _is_closed_by(self, messages: Sequence[Message]) -> bool:
        """Return whether the messages are the result of the only open call."""
        if len(messages) != 1 or len(self._open) != 1:
            return False
        message = messages[0]
        return isinstance(message, ToolResult) and message.call_id == self._open[0].id


def _no_open_call(
    result: ToolResult, *, known: Mapping[str, int], new: Mapping[str, int]
) -> HistoryError:
    """Return what is wrong with a result that answers no open call."""
    if result.call_id in known or result.call_id in new:
        return HistoryError(f"The call {result.call_id!r} already has a result.")
    return HistoryError(f"The result for {result.call_id!r} answers no call of the history.")


@cache
def message_codec() -> TypeAdapter[list[Message]]:
    """Build the pydantic adapter for messages at its first use."""
    return TypeAdapter(list[Annotated[Message, Field(discriminator="role")]])


def upgrade_messages(document: Mapping[str, Any]) -> object:
    """Upgrade a stored form to the current version and return its messages."""
    version = document["version"]
    if type(version) is int and version == VERSION:
        return document.get("messages")
    if type(version) is int and version in _UPGRADES:
        return upgrade_messages(_UPGRADES[version](document))
    raise HistoryError(
        f"The stored history has version {version!r}; this agentkit reads 1 to {VERSION}. "
        "Update agentkit to read it."
    )


def _upgrade_1(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Upgrade version 1, in which each message held text in place of content blocks."""
    messages = document.get("messages")
    if isinstance(messages, list):
        messages = [_with_blocks(message) for message in messages]
    return {"version": 2, "messages": messages}


def _with_blocks(message: object) -> object:
    """Turn the text of a version 1 message into blocks; the codec rejects other values."""
    if not isinstance(message, dict) or message.get("role") == "system" or "text" not in message:
        return message
    rest = {name: value for name, value in message.items() if name != "text"}
    blocks = [{"type": "text", "text": message["text"]}] if message["text"] else []
    return {**rest, "content": blocks}


_UPGRADES: Mapping[int, Callable[[Mapping[str, Any]], Mapping[str, Any]]] = {1: _upgrade_1}
