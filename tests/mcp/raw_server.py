"""A small MCP server with the faults that its arguments name: `python raw_server.py QUIRK…`.

In:  quirks, as `word` or `word=value`; JSON-RPC lines on standard input.
Out: JSON-RPC lines on standard output, in the protocol's form of 2025-11-25 and before.

It needs nothing but the standard library, so that it is up in a few hundredths of a second, and
does what no SDK lets a server do.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Message = dict[str, Any]

FREE: Message = {"type": "object"}
DEEP: Message = FREE
for _ in range(60):
    DEEP = {"type": "object", "properties": {"in": DEEP}}
SCHEMAS: dict[str, object] = {
    "fetched": {"type": "object", "properties": {"a": {"$ref": "https://192.0.2.1/a.json"}}},
    "deep": DEEP,
    "circular": {"type": "object", "$ref": "#"},
    "recursive": {
        "type": "object",
        "properties": {"inner": {"$ref": "#"}},
    },
    "slow": {"type": "object", "properties": {"text": {"type": "string", "pattern": "^(a+)+$"}}},
}
TOOLS = ("echo", "give", "hang", "die", "half", "big", "storm", "flood", "stderr", "child", "seen")


class RawServer:
    """Answers one client until the input ends."""

    def __init__(self, quirks: dict[str, str]) -> None:
        self.quirks = quirks
        self.asked = 0
        self.lists = 0
        self.cancelled: list[object] = []
        self.children: list[subprocess.Popen[bytes]] = []

    def serve(self) -> None:
        """Read and answer."""
        if "stubborn" in self.quirks:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if "garbage" in self.quirks:
            while True:
                write("this is not a message")
        for line in sys.stdin:
            if "noisy" in self.quirks:
                write("Debug: a line came")
                write('["no", "message"]')
            self.take(json.loads(line))
        while "stubborn" in self.quirks:
            time.sleep(60)

    def take(self, message: Message) -> None:
        """Handle one message."""
        method, params = message.get("method"), message.get("params", {})
        if method == "notifications/cancelled":
            self.cancelled.append(params["requestId"])
            self.note("cancelled")
        if "id" not in message or method is None or "silent" in self.quirks:
            return
        if method == "server/discover" and "discover" in self.quirks:
            if self.quirks["discover"] == "dies":
                os._exit(1)
            return
        answers: dict[str, Callable[[Message], Message | None]] = {
            "initialize": self.initialize,
            "tools/list": self.tools,
            "tools/call": self.call,
            "ping": lambda _: {},
        }
        if method not in answers:
            error = {"code": -32601, "message": "Method not found"}
            write_json({"jsonrpc": "2.0", "id": message["id"], "error": error})
            return
        self.asked = message["id"]
        result = answers[method](params)
        if result is not None:
            write_json({"jsonrpc": "2.0", "id": message["id"], "result": result})

    def initialize(self, params: Message) -> Message:
        """Answer the handshake."""
        self.note("started")
        return {
            "protocolVersion": params["protocolVersion"],
            "capabilities": {"tools": {"listChanged": True}, "logging": {}},
            "serverInfo": {"name": "raw", "version": "1"},
        }

    def tools(self, params: Message) -> Message | None:
        """List tools."""
        self.lists += 1
        if "endless" in self.quirks:
            page = int(params.get("cursor", 0)) + 1
            return {"tools": [entry(f"tool_{page}")], "nextCursor": str(page)}
        listed = [entry(name) for name in TOOLS]
        if "schemas" in self.quirks:
            listed += [entry(name, schema) for name, schema in SCHEMAS.items()]
        if "broken_output" in self.quirks:
            number = {"type": "object", "properties": {"n": {"type": "number"}}, "required": ["n"]}
            listed[1]["outputSchema"] = number
        if "bottomless" in self.quirks:
            deep = '{"a": ' * 1_000 + "1" + "}" * 1_000
            write(f'{{"jsonrpc": "2.0", "id": {self.asked}, "result": {deep}}}')
            del self.quirks["bottomless"]
            return None
        if "null_schema" in self.quirks:
            listed.append(entry("null", None))
        listed += [varied(at) for at in range(int(self.quirks.get("many", 0)))]
        return {"tools": listed}

    def call(self, params: Message) -> Message | None:
        """Call a tool; None for one that never answers."""
        done = getattr(self, f"do_{params['name']}", self.do_echo)(params.get("arguments", {}))
        return done if done is None or isinstance(done, dict) else text(str(done))

    def do_echo(self, arguments: Message) -> str:
        """Return the arguments."""
        return json.dumps(arguments)

    def do_give(self, arguments: Message) -> Message:
        """Return the requested result, valid or not."""
        result: Message = arguments["result"]
        return result

    def do_hang(self, _: Message) -> None:
        """Never answer."""
        self.note("hanging")

    def do_die(self, _: Message) -> None:
        """Die during the call."""
        sys.stderr.write("my last words\n")
        sys.stderr.flush()
        os.kill(os.getpid(), signal.SIGKILL)

    def do_half(self, _: Message) -> None:
        """Exit during a line."""
        sys.stdout.write('{"jsonrpc": "2.0", "id": 3, "resul')
        sys.stdout.flush()
        os._exit(0)

    def do_big(self, arguments: Message) -> str:
        """Return a long text."""
        return "x" * int(arguments["bytes"])

    def do_storm(self, arguments: Message) -> str:
        """Notify many times that the tools changed."""
        for _ in range(int(arguments["times"])):
            write_json({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
        return "calm again"

    def do_flood(self, arguments: Message) -> str:
        """Log many messages."""
        for at in range(int(arguments["times"])):
            params = {"level": "info", "data": f"line {at}"}
            write_json({"jsonrpc": "2.0", "method": "notifications/message", "params": params})
        return "calm again"

    def do_stderr(self, arguments: Message) -> str:
        """Fill the error output."""
        for _ in range(int(arguments["megabytes"])):
            sys.stderr.write(("e" * 999 + "\n") * 1_000)
        return "calm again"

    def do_child(self, _: Message) -> str:
        """Start a process that does not end by itself."""
        words = [sys.executable, "-c", "import time; time.sleep(600)"]
        self.children.append(subprocess.Popen(words))  # noqa: S603 - constant arguments
        return str(self.children[-1].pid)

    def do_seen(self, _: Message) -> str:
        """Return counters."""
        return json.dumps(
            {"lists": self.lists, "cancelled": len(self.cancelled), "pid": os.getpid()}
        )

    def note(self, word: str) -> None:
        """Write a word into the file that a test reads."""
        if "notes" in self.quirks:
            with Path(self.quirks["notes"]).open("a", encoding="utf-8") as file:
                file.write(word + "\n")


def entry(name: str, schema: object = FREE) -> Message:
    """Return a tool as it is listed."""
    return {"name": name, "description": f"Do {name}.", "inputSchema": schema}


def varied(at: int) -> Message:
    """Return one of many tools, each with a schema of its own, of the usual size."""
    names = ("account", "invoice", "order", "parcel", "person")
    properties = {
        f"{name}_{at}": {"type": "string", "description": f"the {name}", "maxLength": 100}
        for name in names
    }
    schema = {"type": "object", "properties": properties, "required": [f"order_{at}"]}
    return entry(f"{names[at % 5]}_{at}", schema)


def text(content: str) -> Message:
    """Return a result of text."""
    return {"content": [{"type": "text", "text": content}]}


def write(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def write_json(message: Message) -> None:
    """Write a message."""
    write(json.dumps(message))


if __name__ == "__main__":
    given = dict(word.partition("=")[::2] for word in sys.argv[1:])
    if "exits" in given:
        sys.exit("cannot find my database")
    RawServer(given).serve()
