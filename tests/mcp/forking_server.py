"""Start a program many times for the price of once: it is loaded here, and forked.

In:  `forking_server.py SOCKET MODULE`, then `forked.py SOCKET ARGUMENTS…` as often as wanted.
Out: a line once it can be asked; then programs, each of which is `MODULE.start(ARGUMENTS)`.

Only for tests, on systems with `fork`. The conformance suite starts its client for each scenario,
all at once, and to load it takes longer than most scenarios. Nothing but loading is shared.
"""

import gc
import importlib
import marshal
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

STREAMS = (0, 1, 2)
MOST_BYTES = 1_000_000


def serve(path: str, module: str) -> None:
    """Load `module`, and fork it for each request, until SIGTERM."""
    sys.path.insert(0, str(Path.cwd()))
    start: Callable[[list[str]], None] = importlib.import_module(module).start
    gc.freeze()  # a search for garbage in a child would copy all memory that it shares
    ended, on_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # so that the pipe gets a byte
    signal.set_wakeup_fd(on_end, warn_on_full_buffer=False)
    programs: dict[int, socket.socket] = {}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{path}~")
        listener.listen(100)
        Path(f"{path}~").rename(path)  # so that one that can be seen can be asked
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            ready, _, _ = select.select([listener.fileno(), ended], [], [])
            if ended in ready:
                os.read(ended, 4_096)
                _report_ended(programs)
            if listener.fileno() in ready:
                client, _ = listener.accept()
                _fork(client, programs, [listener.fileno(), ended, on_end], start)


def _report_ended(programs: dict[int, socket.socket]) -> None:
    """Send the exit codes of the programs that have ended."""
    while programs:
        program, status = os.waitpid(-1, os.WNOHANG)
        if program == 0:
            return
        code = os.waitstatus_to_exitcode(status)
        with programs.pop(program) as client, suppress(OSError):  # it may be gone
            client.sendall(bytes([code if code >= 0 else 128 - code]))


def _fork(
    client: socket.socket,
    programs: dict[int, socket.socket],
    own: list[int],
    start: Callable[[list[str]], None],
) -> None:
    """Start the program that a client asks for; it gets none of the server's descriptors."""
    text, descriptors, _, _ = socket.recv_fds(client, MOST_BYTES, len(STREAMS))
    program = os.fork()
    if program == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for descriptor in (*own, *(one.fileno() for one in (client, *programs.values()))):
            os.close(descriptor)
        os._exit(_be_program(text, descriptors, start))
    programs[program] = client
    for descriptor in descriptors:
        os.close(descriptor)


def _be_program(text: bytes, descriptors: list[int], start: Callable[[list[str]], None]) -> int:
    """Run as the requested program, and return its exit code."""
    arguments, variables, folder, streams = marshal.loads(text)  # noqa: S302 - of `forked.py`
    for stream in STREAMS:
        os.close(stream)
    for stream, descriptor in zip(streams, descriptors, strict=True):
        os.dup2(descriptor, stream)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    code = 1
    try:
        start(arguments)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - printed as the interpreter does
        sys.excepthook(*sys.exc_info())
    for output in (sys.stdout, sys.stderr):
        if output is not None:
            output.flush()
    return code


if __name__ == "__main__":
    serve(*sys.argv[1:])
