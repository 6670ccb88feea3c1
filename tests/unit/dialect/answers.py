"""Answers of providers for the tests of the dialects: written as bytes, cut, read, assembled."""

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from agentkit.chat import ModelRequest, ModelResponse
from agentkit.dialect.base import Decoder, Delta, Dialect, Encoded
from agentkit.model.response_builder import ResponseBuilder
from agentkit.wire import WireHead

DOCUMENT = WireHead(status=200, headers={"content-type": "application/json"})
STREAM = WireHead(status=200, headers={"content-type": "text/event-stream"})

CUTS = st.lists(st.integers(min_value=0, max_value=4000), max_size=12)


def document(value: object) -> bytes:
    """Return a complete answer."""
    return json.dumps(value, ensure_ascii=False).encode()


def events(*values: object) -> bytes:
    """Return a stream of events; text is kept as it is."""
    texts = [
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for value in values
    ]
    return "".join(f"data: {text}\n\n" for text in texts).encode()


def named_events(*values: dict[str, Any]) -> bytes:
    """Return a stream of events that have their type as name."""
    return "".join(
        f"event: {value['type']}\ndata: {json.dumps(value, ensure_ascii=False)}\n\n"
        for value in values
    ).encode()


def cut(data: bytes, at: Iterable[int]) -> list[bytes]:
    """Return `data` in pieces."""
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in at)})
    return [data[start:end] for start, end in pairwise(edges)]


def read(decoder: Decoder, chunks: Iterable[bytes]) -> list[Delta]:
    """Return all deltas of an answer."""
    deltas = [delta for chunk in chunks for delta in decoder.feed(chunk)]
    return [*deltas, *decoder.close()]


def build_response(
    request: ModelRequest, encoded: Encoded, deltas: Sequence[Delta]
) -> ModelResponse:
    """Return the response that `deltas` make."""
    builder = ResponseBuilder(
        request,
        tool_names=encoded.tool_names,
        provider="provider",
        calls_in_text=encoded.calls_in_text,
    )
    builder.feed(encoded.opening)
    builder.feed(deltas)
    builder.close()
    return builder.finish()


def body_of(encoded: Encoded) -> dict[str, Any]:
    """Return the JSON that was sent."""
    body: dict[str, Any] = json.loads(encoded.wire.body)
    return body


def answer(
    dialect: Dialect,
    request: ModelRequest,
    encoded: Encoded,
    data: bytes,
    head: WireHead = DOCUMENT,
) -> ModelResponse:
    """Return the response for a complete answer of one chunk."""
    return build_response(request, encoded, read(dialect.decoder(head), [data]))
