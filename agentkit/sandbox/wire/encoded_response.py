"""An answer in a provider's form, before it is bytes.

In:  JSON values, whole or as the events of a stream.
Out: `Spelled`; `as_reply` makes bytes of it.

Between the two is the place to change what a provider says without touching how it decides.
"""

import json
from collections.abc import Mapping
from dataclasses import field

from agentkit.json_schema import JsonValue
from agentkit.sandbox.http_server import Reply
from agentkit.value import dataclass

_WHOLE = {"content-type": "application/json"}
_STREAM = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEvent:
    """One event of a stream.

    Attributes:
        data: the JSON value it carries.
        name: what stands in its `event:` line; empty for none.
        line: in place of all that, a line as it is, such as a comment or `data: [DONE]`.
    """

    data: JsonValue = None
    name: str = ""
    line: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelled:
    """An answer: a whole body, or the events of a stream; None for no stream."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: JsonValue = None
    events: tuple[StreamEvent, ...] | None = None


def as_reply(spelled: Spelled) -> Reply:
    """Make bytes of an answer, one chunk for each event."""
    if spelled.events is None:
        return Reply(
            status=spelled.status,
            headers={**_WHOLE, **spelled.headers},
            chunks=(to_json(spelled.body).encode(),),
        )
    return Reply(
        status=spelled.status,
        headers={**_STREAM, **spelled.headers},
        chunks=tuple(map(_as_bytes, spelled.events)),
        is_stream=True,
    )


def to_json(value: JsonValue) -> str:
    """Return compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _as_bytes(event: StreamEvent) -> bytes:
    if event.line:
        return f"{event.line}\n\n".encode()
    name = f"event: {event.name}\n" if event.name else ""
    return f"{name}data: {to_json(event.data)}\n\n".encode()
