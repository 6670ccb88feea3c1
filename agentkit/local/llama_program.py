"""Run llama.cpp's server on one model until standard input is closed: a program of its own.

In:  the path of a GGUF file; the number of threads, the length of the context.
Out: one line of JSON on standard output once it is ready: the server's URL, and whether the chat
     template of the weights takes tools; all other output, also llama.cpp's own, on standard error.
     Exit code 1 if the model cannot be served.

`llama_server.py` starts it in a process of its own, because the server's constructor blocks the
interpreter until the weights are loaded, and neither that nor a generation can be interrupted.
Standard input is closed when the parent process closes it or dies in any way, so no server is left
over. This file imports nothing of agentkit, so that it starts quickly.
"""

import argparse
import http.client
import json
import os
import signal
import sys
import time
from importlib import import_module
from typing import Any

_LOG_ERRORS_ONLY = 1
_REQUEST_TIMEOUT_SECONDS = 60.0
_HEALTH_PAUSE_SECONDS = 0.05


def main() -> int:
    """Serve the model of the command line; return the exit code."""
    # Ctrl-C in a terminal goes to the whole process group, but it is for the conversation only.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    announcements = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # llama.cpp prints to both outputs; the announcement must stand alone
    try:
        server = _start(_parser().parse_args())
    except (ImportError, RuntimeError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    url: str = server.listening_address
    address = url.removeprefix("http://")
    _wait_until_healthy(address)
    announced = {"url": url, "takes_tools": _takes_tools(address)}
    with announcements:
        announcements.write(f"{json.dumps(announced)}\n")
    sys.stdin.buffer.read()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Serve a GGUF file until standard input ends.")
    parser.add_argument("path", help="the weights")
    parser.add_argument("--threads", type=int, help="how many compute; default: one per core")
    parser.add_argument("--context_window_tokens", type=int, help="default: all of it")
    return parser


def _start(arguments: argparse.Namespace) -> Any:  # the extension module has no types
    xllamacpp = import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = arguments.path
    if arguments.threads is not None:
        params.cpuparams.n_threads = arguments.threads
        params.cpuparams_batch.n_threads = arguments.threads
    if arguments.context_window_tokens is not None:
        params.n_ctx = arguments.context_window_tokens
    params.hostnames = ["127.0.0.1"]
    params.port = 0  # the system picks a free one, and no one can take it in between
    params.ui = False
    params.endpoint_slots = False  # shows the prompts of others
    params.cors_origins = ""  # a web page in the user's browser has no business here
    params.cors_credentials = False
    params.verbosity = _LOG_ERRORS_ONLY
    return xllamacpp.Server(params)


def _wait_until_healthy(address: str) -> None:
    """Poll until the server is ready; the parent process sets the time limit."""
    while _get(address, "/health")[0] != http.HTTPStatus.OK:
        time.sleep(_HEALTH_PAUSE_SECONDS)


def _takes_tools(address: str) -> bool:
    """Return whether the chat template renders tools and calls, as the server found out.

    For a template without them, llama.cpp's server accepts tools and leaves them out of the prompt.
    """
    status, body = _get(address, "/props")
    if status != http.HTTPStatus.OK:
        return True  # unknown
    found = json.loads(body).get("chat_template_caps", {})
    return bool(found.get("supports_tools", True) and found.get("supports_tool_calls", True))


def _get(address: str, path: str) -> tuple[int, bytes]:
    """Return the status and the body of a response."""
    connection = http.client.HTTPConnection(address, timeout=_REQUEST_TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
