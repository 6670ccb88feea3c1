"""Write server-sent events, as a server of ours sends them.

In:  JSON values, one for each event.
Out: bytes.

The format is https://html.spec.whatwg.org/multipage/server-sent-events.html; `sse` reads it.
"""

import json

from agentkit.json_schema import JsonValue
from agentkit.surrogates import replace_surrogates
from agentkit.value import dataclass

_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEvent:
    """One event of a stream that is sent.

    Attributes:
        data: the JSON value in its `data:` line.
        name: the name in its `event:` line; empty if there is no such line.
        line: if not empty, this line is sent instead, e.g. a comment or `data: [DONE]`.
    """

    data: JsonValue = None
    name: str = ""
    line: str = ""


def encode_event(event: StreamEvent) -> bytes:
    """Return one event with the blank line that ends it."""
    if event.line:
        return f"{event.line}\n\n".encode()
    name = f"event: {event.name}\n" if event.name else ""
    return f"{name}data: {compact_json(event.data)}\n\n".encode()


def comment(text: str) -> StreamEvent:
    """Return a comment, which keeps a connection alive and which clients skip."""
    return StreamEvent(line=f": {text}")


def compact_json(value: JsonValue) -> str:
    """Return JSON without white space; lone surrogates, which are not text, are replaced."""
    return replace_surrogates(_ENCODE(value))
