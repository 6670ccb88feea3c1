"""MCP servers over HTTP that deviate from the protocol."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from agentkit.mcp import MCPToolset
from tests.mcp.raw import ran

OBJECT = {"type": "object"}
TOOLS = [
    {"name": "good", "inputSchema": OBJECT},
    {"name": "sloppy", "inputSchema": {"properties": {"a": {"type": "int"}}}, "icons": [{}]},
    {"name": "text", "inputSchema": {"type": "string"}},
]
RESULTS: dict[str, Any] = {
    "good": {"content": [{"type": "widget"}, {"type": "text", "text": "paid 10"}]},
    "sloppy": {"structuredContent": {"paid": 10}},
}


class Handler(BaseHTTPRequestHandler):
    """Answers as a careless server does; `as_events` is set by a subclass."""

    as_events = False

    def do_POST(self) -> None:  # as the library calls it
        """Answer a message."""
        message = json.loads(self.rfile.read(int(self.headers["content-length"])))
        method, params = message.get("method"), message.get("params", {})
        if "id" not in message:
            self._reply(202, "text/plain", "")
        elif method == "initialize":
            self._answer(message, {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}})
        elif method == "tools/list":
            self._answer(message, {"tools": TOOLS, "nextCursor": ""})
        elif method == "tools/call" and params["arguments"].get("down"):
            self._reply(503, "text/html", "<h1>Down for maintenance</h1>")
        elif method == "tools/call":
            self._answer(message, RESULTS[params["name"]])
        else:
            error = {"code": -32601, "message": "no such method"}
            self._send(message, {"error": error})

    def do_GET(self) -> None:  # as the library calls it
        """Offer no stream."""
        self._reply(405, "text/plain", "")

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def _answer(self, message: Any, result: Any) -> None:
        self._send(message, {"result": result})

    def _send(self, message: Any, rest: Any) -> None:
        text = json.dumps({"jsonrpc": "2.0", "id": message["id"], **rest})
        if self.as_events:
            self._reply(200, "text/event-stream", f"event: message\ndata: {text}\n\n")
        else:
            self._reply(200, "application/json; charset=utf-8", text)

    def _reply(self, status: int, kind: str, text: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


class EventHandler(Handler):
    """Answers with event streams."""

    as_events = True


@contextmanager
def serving(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve in a thread; yield the URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/mcp"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# On Trio, the SDK leaves generators of event streams to the garbage collector, which warns.
@pytest.mark.parametrize(
    ("anyio_backend", "handler"),
    [("asyncio", Handler), ("trio", Handler), ("asyncio", EventHandler)],
    ids=["json-asyncio", "json-trio", "events-asyncio"],
)
async def test_a_careless_server_is_used_as_far_as_possible(handler: type[Handler]) -> None:
    """Over HTTP as over standard streams, and each repair is reported."""
    with serving(handler) as url:
        done = await ran(
            MCPToolset.http(url, name="web"),
            ("good", {}),
            ("sloppy", {"a": 1}),
            ("good", {"down": True}),
            ("good", {}),
        )

    assert done.offered[0] == {"good", "sloppy"}
    note = "[A content block of type 'widget' could not be read.]"
    assert [one.text for one in done.results[:2]] == [f"{note}paid 10", ""]
    assert done.results[1].structured_content == {"paid": 10}
    assert done.results[2].is_error
    assert "HTTP 503 Service Unavailable: <h1>Down for maintenance</h1>" in done.results[2].text
    assert done.results[3].text == f"{note}paid 10"
    for what in ("icons.0 of 'sloppy'", "'text' is not one of an object", "does not lead on"):
        assert what in done.reports
