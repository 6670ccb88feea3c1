"""The entry of the command line.

In:  `sys.argv`.
Out: the exit code; see `agentkit.cli.exit_codes` for what the codes mean.
"""

import atexit
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from agentkit.errors import ConfigError
from agentkit.lazy_import import load_object

_USAGE_ERROR = 2
_WRITE_FAILED = 74


def run_program() -> int:
    """Run the command line as a program and return its exit code.

    A tool that cannot be stopped may still run in a thread, and the interpreter would wait for it:
    then the process ends here, after what others have registered for its end: to export spans, to
    write log lines.
    """
    code = main()
    if any(not thread.daemon for thread in threading.enumerate()[1:]):
        atexit._run_exitfuncs()  # there is no public way, and `os._exit` runs none of them
        os._exit(code)
    return code


def main() -> int:
    """Run the command line and return its exit code."""
    _open_streams()
    try:
        app = cast(Callable[..., object], load_object("agentkit.cli.app:app"))
    except ConfigError as error:
        print(f"agentkit: {error}", file=sys.stderr)
        return _USAGE_ERROR
    try:
        app(prog_name="agentkit")
        code = 0
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    except OSError as error:  # a help text that could not be written; commands map their own
        print(f"agentkit: Standard output cannot be written to: {error}.", file=sys.stderr)
        code = _WRITE_FAILED
    return code if _flush() else code or _WRITE_FAILED


def _open_streams() -> None:
    """Replace standard streams that the caller has closed.

    Standard output is opened for reading only, so that writing an answer fails as it must: a lost
    answer must not look like a success.
    """
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: PTH123, SIM115 - open to the end
    sys.stdout = sys.stdout or open(os.devnull)  # noqa: PTH123, SIM115 - open to the end
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: PTH123, SIM115 - open to the end


def _flush() -> bool:
    """Write what is buffered and return whether standard output took it.

    What could not be written must not fail again when the interpreter ends, with its own exit code.
    """
    has_output = True
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            has_output = has_output and stream is not sys.stdout
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return has_output
