"""Cut an answer into the JSON values it is made of, complete or streamed.

In:  the bytes of one successful answer, cut anywhere.
Out: `Frame`s, each as soon as it is complete.

The first bytes decide whether it is one JSON document or an event stream, not the header: providers
and proxies answer a streaming request with a document, and a plain one with a stream.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any, Literal

from pydantic_core import from_json

from agentkit.dialect.provider_errors import error_in_answer
from agentkit.dialect.sse import ServerEvent, SSEDecoder
from agentkit.errors import ErrorKind, ProtocolError
from agentkit.value import record
from agentkit.wire import WireHead

_BLANK = b"\xef\xbb\xbf \t\r\n"  # a byte order mark, and white space sent as a keep-alive
_DONE = "[DONE]"
_QUOTED_CHARS = 120
_WORD_CHARS = 20
_KEEP_ALIVE_WORDS = frozenset({"ping", "pong", "keepalive", "heartbeat"})
"""The names and the data of events that only keep a connection open. A comment is meant for that;
Anthropic names an event `ping`, and gateways send such words as data."""

_NO_LETTERS = re.compile(r"[^a-z]+")
_FIELDS = (b"data:", b"event:", b"id:", b"retry:")


@record
class Frame:
    """A JSON object of an answer.

    Attributes:
        is_complete: it is the complete answer, not one event of it.
        is_done: it is not an object but the `[DONE]` that ends a stream.
    """

    value: Mapping[str, Any] = field(kw_only=False)
    is_complete: bool = False
    is_done: bool = False


class Frames:
    """Cuts one answer.

    Args:
        head: the head of the answer.
        form: what it should be, for error messages, e.g. `a message`.
    """

    def __init__(self, head: WireHead, *, form: str) -> None:
        self._head = head
        self._form = form
        self._kind: Literal["unknown", "document", "stream"] = "unknown"
        self._document: list[bytes] = []
        self._events: SSEDecoder
        self._has_event = False
        self._is_done = False

    def feed(self, data: bytes) -> Iterable[Frame]:
        """Read the next bytes and return what they complete.

        Raises:
            StatusError: the provider reports an error inside its answer.
            ProtocolError: what arrived is not a JSON object.
        """
        if self._kind == "unknown":
            data = data.lstrip(_BLANK)
            if not data:
                return ()
            self._kind = _kind_of(data, self._head)
            if self._kind == "stream":
                self._events = SSEDecoder()
        if self._kind == "document":
            self._document.append(data)
            return ()
        return self._read(self._events.feed(data))

    def close(self) -> Iterator[Frame]:
        """Yield what is left at the end of the bytes; raises as `feed` does."""
        if self._kind == "stream":
            yield from self._read(self._events.close(), is_end=True)
            if not self._has_event:
                raise self.bad("an event stream without an event")
            return
        text = b"".join(self._document).decode("utf-8", "replace").strip()
        if not text:
            raise self.problem("The provider sent an empty body.", kind="empty_response")
        try:
            value = read_json(text)
        except (ValueError, RecursionError) as error:
            lines = _json_lines(text)
            if lines is None:
                raise self.bad(text) from error
            yield from (Frame(self._object(line)) for line in lines)
            return
        yield Frame(self._object(value), is_complete=True)

    def bad(self, seen: str) -> ProtocolError:
        """Return the error for an answer in another format; `seen` is what arrived instead."""
        start = seen if len(seen) <= _QUOTED_CHARS else f"{seen[:_QUOTED_CHARS]}…"
        return self.problem(f"The provider's answer is not {self._form}: {start!r}.")

    def problem(self, message: str, *, kind: ErrorKind = "bad_response") -> ProtocolError:
        """Return an error about this answer; sending the request again may help."""
        return ProtocolError(
            message,
            kind=kind,
            retry="same",
            status=self._head.status,
            request_id=self._head.request_id,
        )

    def _read(self, events: Iterable[ServerEvent], *, is_end: bool = False) -> Iterator[Frame]:
        for event in events:
            for part in _json_texts(event):
                self._has_event = True
                if self._is_done:
                    return  # anything after [DONE] is not part of the answer
                if part[0] != "{" and part.strip(' "').upper() == _DONE:
                    self._is_done = True
                    yield Frame({}, is_done=True)
                    return
                try:
                    value = read_json(part)
                except (ValueError, RecursionError) as error:
                    if is_end:
                        raise self.problem(
                            "The stream ended in the middle of an event.",
                            kind="stream_interrupted",
                        ) from error
                    raise self.bad(part) from error
                yield Frame(self._object(value))

    def _object(self, value: object) -> Mapping[str, Any]:
        """Return `value` if it is an object and not an error."""
        error = error_in_answer(value, self._head)
        if error is not None:
            raise error
        if not isinstance(value, dict):
            raise self.bad(json.dumps(value))
        return value


def _json_texts(event: ServerEvent) -> Sequence[str]:
    """Return the JSON texts of an event: one, except for the faults of some servers."""
    text = event.data
    if len(text) > _WORD_CHARS and text[0] == "{" and text[-1] == "}" and event.name is None:
        return (text,) if "\n" not in text else _parts(text)
    # Some proxies add the `data:` prefix twice.
    text = text.strip().removeprefix("data:").strip()
    if not text or text == "null" or _is_keep_alive(event, text):
        return ()
    return (text,) if "\n" not in text else _parts(text)


def _is_keep_alive(event: ServerEvent, text: str) -> bool:
    """Return whether an event has no content, by its name or its data."""
    if "\n" in text:
        return False  # several events, if the blank lines between them are missing
    if event.name is not None and _NO_LETTERS.sub("", event.name.lower()) in _KEEP_ALIVE_WORDS:
        return True
    return len(text) <= _WORD_CHARS and _NO_LETTERS.sub("", text.lower()) in _KEEP_ALIVE_WORDS


def read_json(text: str) -> Any:
    """Return the value of a JSON text; three times as fast as `json` for valid JSON.

    Raises:
        ValueError, RecursionError: `json` cannot read it.
    """
    try:
        return from_json(text)
    except ValueError:
        return json.loads(text)


def _parts(text: str) -> list[str]:
    """Return the JSON texts of several lines: one, or one per line if blank lines are missing."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return [line for line in text.split("\n") if line.strip()]
    return [text]


def _json_lines(text: str) -> list[object] | None:
    """Return the values of JSON lines, as Ollama streams them; else None."""
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        return None


def _kind_of(start: bytes, head: WireHead) -> Literal["document", "stream"]:
    """Distinguish a document from a stream by its first byte, else by the header."""
    if start[:1] in (b"{", b"[", b"<", b'"'):
        return "document"
    if head.is_event_stream or start[:1] == b":":
        return "stream"
    is_field = any(start.startswith(name) or name.startswith(start) for name in _FIELDS)
    return "stream" if is_field else "document"
