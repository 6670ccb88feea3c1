"""A stub provider with as little cost as possible, in a process of its own.

In:  requests to `/CALLS/DELAY_MS/DELTAS/KIND/chat/completions`.
Out: CALLS tool calls, one per turn, then a sentence; each after DELAY_MS; in DELTAS deltas if
     streamed.

One thread, one selector, and responses that are built once. KIND is the content of the stream:
`text`, or `arguments` of the first call; `items` are calls with a thousand nested arguments,
`order` is structured output of half a megabyte by a call of `final_answer`.
"""

import heapq
import json
import re
import resource
import selectors
import socket
import sys
import time
from dataclasses import dataclass, field
from functools import cache

ANSWER = "It is 21.60 USD."
"""The final text of a run that is not streamed."""

_WORDS = ("word ", "text ")
"""Streamed in turn: LiteLLM ends a stream that repeats one piece a hundred times."""

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_READ_BYTES = 1_000_000


@dataclass(slots=True)
class _Client:
    """One connection: the received part of a request, and the unsent part of a response."""

    connection: socket.socket
    received: bytearray = field(default_factory=bytearray)
    left: memoryview = field(default_factory=lambda: memoryview(b""))


class StubServer:
    """Serves connections until the process ends."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._late: list[tuple[float, int, _Client, bytes]] = []
        self._server = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self._server.settimeout(0)
        self._selector.register(self._server, selectors.EVENT_READ, None)
        self.port: int = self._server.getsockname()[1]

    def serve(self) -> None:
        """Answer requests until the process ends."""
        while True:
            wait = max(0.0, self._late[0][0] - time.monotonic()) if self._late else None
            for key, mask in self._selector.select(wait):
                if key.data is None:
                    self._accept()
                elif mask & selectors.EVENT_WRITE:
                    self._send(key.data)
                else:
                    self._receive(key.data)
            while self._late and self._late[0][0] <= time.monotonic():
                _, _, client, answer = heapq.heappop(self._late)
                self._answer(client, answer)

    def _accept(self) -> None:
        connection, _ = self._server.accept()
        connection.settimeout(0)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(connection, selectors.EVENT_READ, _Client(connection))

    def _receive(self, client: _Client) -> None:
        try:
            data = client.connection.recv(_READ_BYTES)
        except OSError:
            data = b""
        if not data:
            self._drop(client)
            return
        client.received += data
        end = client.received.find(b"\r\n\r\n")
        if end < 0:
            return
        length = _LENGTH.search(client.received, 0, end)
        start = end + 4
        if len(client.received) < start + int(length[1] if length else 0):
            return
        request, client.received = client.received, bytearray()
        self._plan(client, request, start)

    def _plan(self, client: _Client, request: bytearray, start: int) -> None:
        """Answer now, or schedule the response."""
        calls, delay, deltas, kind = request[: request.find(b" HTTP")].split(b"/")[1:5]
        turn = request.count(b'"tool_call_id"', start)
        is_stream = request.find(b'"stream":true', start) + request.find(b'"stream": true', start)
        answer = answer_for(
            turn=turn if turn < int(calls) else -1,
            deltas=int(deltas) if is_stream > -2 else 0,
            kind=kind.decode(),
        )
        if int(delay):
            due = time.monotonic() + int(delay) / 1000
            heapq.heappush(self._late, (due, id(client), client, answer))
        else:
            self._answer(client, answer)

    def _answer(self, client: _Client, answer: bytes) -> None:
        client.left = memoryview(answer)
        self._send(client)

    def _send(self, client: _Client) -> None:
        try:
            client.left = client.left[client.connection.send(client.left) :]
        except BlockingIOError:
            pass
        except OSError:
            self._drop(client)
            return
        wanted = selectors.EVENT_WRITE if client.left else selectors.EVENT_READ
        if self._selector.get_key(client.connection).events != wanted:
            self._selector.modify(client.connection, wanted, client)

    def _drop(self, client: _Client) -> None:
        self._selector.unregister(client.connection)
        client.connection.close()


@cache
def answer_for(*, turn: int, deltas: int, kind: str) -> bytes:
    """Return the complete response: the call of a turn, or the final text for turn -1."""
    # Never the same call twice: agents stop a run that repeats itself.
    call = {"name": "convert", "arguments": json.dumps({"amount": 20.0 + turn, "rate": 1.08})}
    if kind == "items":
        call = {"name": "order", "arguments": order_text(1_000, first=turn)}
    if kind == "order" and turn < 0:
        call = {"name": "final_answer", "arguments": order_text(5_000)}
    calls = [{"id": f"c{turn % 10**8:08d}", "type": "function", "function": call}]
    message: dict[str, object] = {"role": "assistant", "content": ANSWER}
    if turn >= 0 or kind == "order":
        message = {"role": "assistant", "content": "", "tool_calls": calls}
    reason = "stop" if turn < 0 else "tool_calls"
    usage = {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20}
    base = {"id": "x", "object": "chat.completion", "created": 1, "model": "m"}
    if not deltas:
        choice = {"index": 0, "message": message, "finish_reason": reason}
        body = json.dumps({**base, "choices": [choice], "usage": usage}).encode()
        return _HEAD + b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (
            len(body),
            body,
        )
    pieces = _text(deltas) if kind == "text" or turn < 0 else _arguments(deltas, f"c{turn:08d}")
    events: list[dict[str, object]] = [
        {"index": 0, "delta": delta, "finish_reason": None} for delta in pieces
    ]
    events.append({"index": 0, "delta": {}, "finish_reason": reason})
    lines = [json.dumps({**base, "choices": [event]}) for event in events]
    lines += [json.dumps({**base, "choices": [], "usage": usage}), "[DONE]"]
    chunks = [f"data: {line}\n\n".encode() for line in lines]
    framed = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    head = _HEAD + b"content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + framed + b"0\r\n\r\n"


def order_text(count: int, *, first: int = 0) -> str:
    """Return an order of so many items as JSON; each has three fields and a list."""
    items = [
        {"name": f"item {number} of the order, as it is called", "amount": number * 1.25,
         "labels": ["new", "blue"], "due": "2026-02-03"}
        for number in range(first, first + count)
    ]  # fmt: skip
    return json.dumps({"items": items})


_HEAD = b"HTTP/1.1 200 OK\r\nx-request-id: r-1\r\n"


def streamed_words(deltas: int) -> list[str]:
    """Return the texts of the deltas of a streamed answer."""
    return [_WORDS[number % 2] for number in range(deltas)]


def _text(deltas: int) -> list[dict[str, object]]:
    first, *others = [{"content": word} for word in streamed_words(deltas)]
    return [{"role": "assistant", **first}, *others]


def _arguments(deltas: int, call_id: str) -> list[dict[str, object]]:
    """Return the deltas of a call whose arguments are streamed."""
    start = {"index": 0, "id": call_id, "type": "function"}
    first = {**start, "function": {"name": "note", "arguments": '{"text": "'}}
    word = {"index": 0, "function": {"arguments": "word "}}
    last = {"index": 0, "function": {"arguments": '"}'}}
    return [{"tool_calls": [each]} for each in (first, *[word] * deltas, last)]


def main() -> None:
    """Print the port, then serve."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    server = StubServer()
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()
    server.serve()


if __name__ == "__main__":
    main()
