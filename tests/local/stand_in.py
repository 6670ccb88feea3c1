"""A stand-in for the part of the package `xllamacpp` that `llama_program.py` uses.

Its server answers `/health`, at first that it is not ready, and `/props` if
`STAND_IN_TEMPLATE_SUPPORTS` is set to what its chat template supports. It prints to both outputs,
as llama.cpp does, and writes its parameters to standard error. The path `broken` cannot be loaded.
Tests copy this file to the child's import path, so it uses the standard library only.
"""

import http.server
import json
import os
import threading
from types import SimpleNamespace


class CommonParams(SimpleNamespace):
    """Accepts any parameter."""

    def __init__(self) -> None:
        parts = {name: SimpleNamespace() for name in ("model", "cpuparams", "cpuparams_batch")}
        super().__init__(**parts)


class Server:
    """Listens at the address in the parameters."""

    def __init__(self, params: CommonParams) -> None:
        if params.model.path == "broken":
            raise RuntimeError("the weights are broken")
        os.write(1, b"llama.cpp prints what it likes\n")
        server = http.server.HTTPServer((params.hostnames[0], params.port), _Health)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.listening_address = f"http://127.0.0.1:{server.server_port}"
        os.write(2, json.dumps(vars(params), default=vars).encode() + b"\n")


class _Health(http.server.BaseHTTPRequestHandler):
    answers = iter((503, 200))

    def do_GET(self) -> None:
        supported = os.environ.get("STAND_IN_TEMPLATE_SUPPORTS")
        if self.path == "/props" and supported is not None:
            self.send_response(200)
            self.end_headers()
            names = ("tools", "tool_calls", "string_content")
            found = {f"supports_{name}": name in supported.split() for name in names}
            self.wfile.write(json.dumps({"chat_template_caps": found}).encode())
            return
        self.send_response(next(self.answers) if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        os.write(2, f"asked for {self.path}\n".encode())
