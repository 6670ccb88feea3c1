"""Ask for a program that `forking_server.py` has loaded: `forked.py SOCKET ARGUMENTS…`.

It is as if `python MODULE ARGUMENTS…` was started: streams, variables, folder, exit code.

This is started once for each program, so it imports nothing that takes time.
"""

import _socket  # `socket` takes as long as the start of the interpreter
import array
import marshal
import os
import sys

STREAMS = (0, 1, 2)


def ask(path: str, arguments: list[str]) -> int:
    """Let the program be run with what this process has, and return its exit code."""
    streams = {stream: stream for stream in STREAMS if _is_open(stream)}
    return ask_with(path, arguments, dict(os.environ), os.getcwd(), streams)  # noqa: PTH109 - see above


def ask_with(
    path: str,
    arguments: list[str],
    variables: dict[str, str],
    folder: str,
    streams: dict[int, int],
    seconds: float | None = None,
) -> int:
    """Let the program be run, and return its exit code; `streams` are its own, with ours.

    Raises:
        TimeoutError: it takes longer than `seconds`.
    """
    asked = marshal.dumps((arguments, variables, folder, list(streams)))
    given = array.array("i", streams.values())
    server = _socket.socket(_socket.AF_UNIX)
    try:
        server.settimeout(seconds)
        server.connect(path)
        server.sendmsg([asked], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, given)])
        return (server.recv(1) or b"\x01")[0]
    finally:
        server.close()


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(ask(sys.argv[1], sys.argv[2:]))
