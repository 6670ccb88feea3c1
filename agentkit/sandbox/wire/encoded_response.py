"""A response in a provider's format, before it is bytes.

In:  JSON values: a complete body, or the events of a stream.
Out: `EncodedResponse`; `as_reply` makes bytes of it.

Faults of the format are injected between the two.
"""

from collections.abc import Mapping
from dataclasses import field

from agentkit.dialect.event_stream import StreamEvent, compact_json, encode_event
from agentkit.json_schema import JsonValue
from agentkit.sandbox.http_server import Reply
from agentkit.value import dataclass

_DOCUMENT = {"content-type": "application/json"}
_STREAM = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedResponse:
    """A complete body, or the events of a stream; `events` is None for a complete body."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: JsonValue = None
    events: tuple[StreamEvent, ...] | None = None


def as_reply(response: EncodedResponse) -> Reply:
    """Return the bytes of a response, one chunk for each event."""
    if response.events is None:
        return Reply(
            status=response.status,
            headers={**_DOCUMENT, **response.headers},
            chunks=(compact_json(response.body).encode(),),
        )
    return Reply(
        status=response.status,
        headers={**_STREAM, **response.headers},
        chunks=tuple(map(encode_event, response.events)),
        is_stream=True,
    )
