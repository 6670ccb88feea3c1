"""Start a program many times for the price of once: it is loaded in one process and forked.

In:  `forked.py serve SOCKET MODULE`, then as often as wanted `forked.py SOCKET ARGUMENTS…`.
Out: a line from the former once it can be asked; each of the latter is as if `python MODULE
     ARGUMENTS…` was started: streams, variables, folder, exit code.

Only for tests, on systems with `fork`. The conformance suite starts its client for each scenario,
all at once, and to load it takes longer than most scenarios. Nothing but loading is shared.
"""

import gc
import importlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

STREAMS = (0, 1, 2)
MOST_BYTES = 1_000_000


def serve(path: str, module: str) -> None:
    """Load `module`, and fork it for each request, until SIGTERM."""
    sys.path.insert(0, str(Path.cwd()))
    start: Callable[[list[str]], None] = importlib.import_module(module).start
    gc.freeze()  # a search for garbage in a child would copy all memory that it shares
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(100)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no one waits for them
        while True:
            client, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                os._exit(_take_over(client, start))
            client.close()


def _take_over(client: socket.socket, start: Callable[[list[str]], None]) -> int:
    """Run the requested program in a process of its own, and send how that ended."""
    text, descriptors, _, _ = socket.recv_fds(client, MOST_BYTES, len(STREAMS))
    program = os.fork()
    if program == 0:
        client.close()
        os._exit(_be_program(json.loads(text), descriptors, start))
    for descriptor in descriptors:
        os.close(descriptor)
    code = os.waitstatus_to_exitcode(os.waitpid(program, 0)[1])
    client.sendall(bytes([code if code >= 0 else 128 - code]))
    return 0


def _be_program(asked: Any, descriptors: list[int], start: Callable[[list[str]], None]) -> int:
    """Run as the requested program, and return its exit code."""
    for stream in STREAMS:
        os.close(stream)
    for stream, descriptor in zip(asked["streams"], descriptors, strict=True):
        os.dup2(descriptor, stream)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(asked["variables"])
    os.chdir(asked["folder"])
    code = 1
    try:
        start(asked["arguments"])
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - printed as the interpreter does
        sys.excepthook(*sys.exc_info())
    for output in (sys.stdout, sys.stderr):
        if output is not None:
            output.flush()
    return code


def ask(path: str, arguments: list[str]) -> int:
    """Let the program be run, and return its exit code."""
    streams = [stream for stream in STREAMS if _is_open(stream)]
    asked = {
        "arguments": arguments,
        "variables": dict(os.environ),
        "folder": str(Path.cwd()),
        "streams": streams,
    }
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        socket.send_fds(client, [json.dumps(asked).encode()], streams)
        return (client.recv(1) or b"\x01")[0]


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(*sys.argv[2:])
    sys.exit(ask(sys.argv[1], sys.argv[2:]))
