"""The entry of the command line.

In:  `sys.argv`.
Out: the exit code; see `agentkit.cli.exit_codes` for what the codes mean.

Only this module can be imported without the extra `cli`, to say that it is missing.
"""

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from agentkit.errors import MissingExtraError
from agentkit.lazy_import import load_object


def run_program() -> int:
    """Run the command line as a program, and return its exit code unless that would take too long.

    A tool that cannot be stopped may still work in a thread; the interpreter would wait for it.
    """
    code = main()
    if any(not thread.daemon for thread in threading.enumerate()[1:]):
        os._exit(code)
    return code


def main() -> int:
    """Run the command line and return its exit code."""
    _open_streams()
    try:
        app = cast(Callable[..., object], load_object("agentkit.cli.app:app", extra="cli"))
    except MissingExtraError as error:
        print(f"agentkit: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    try:
        app(prog_name="agentkit")
        code = 0
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    _flush()
    return code


def _open_streams() -> None:
    """Put something in place of streams that whoever started us has closed."""
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: PTH123, SIM115 - open to the end
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: PTH123, SIM115 - open to the end
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: PTH123, SIM115 - open to the end


def _flush() -> None:
    """Hand over what is buffered; nobody may be there to take it."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
