"""Let Ctrl-C end the command `agentkit` quietly while its modules load.

In:  how this process was started.
Out: a handler of SIGINT until `end_quiet_start`, if this process is the command; otherwise nothing.

The package is imported before any code of the command line runs, by the script `agentkit` as by
`python -m agentkit`, and Ctrl-C in that time would print a traceback. So this module is the first
that the package imports. In every other program it changes nothing.
"""

import os
import signal
import sys
from pathlib import PurePath
from types import FrameType

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 and the number of SIGINT, as shells report it."""

# On Windows the script is `agentkit.exe`, or `agentkit-script.py` when it is started by Python.
_SCRIPTS = frozenset({"agentkit", "agentkit.exe", "agentkit-script.py", "agentkit-script.pyw"})


def is_command(argv: list[str], original: list[str]) -> bool:
    """Return whether this process is the command line of agentkit.

    Args:
        argv: `sys.argv`; its first item is `-m` while Python looks for the module to run.
        original: `sys.orig_argv`.
    """
    if not argv:
        return False
    if argv[0] == "-m":
        position = original.index("-m") if "-m" in original else -1
        return position >= 0 and original[position + 1 : position + 2] == ["agentkit"]
    return PurePath(argv[0]).name in _SCRIPTS


def begin_quiet_start() -> None:
    """Let SIGINT end this process at once, unless another handler is set or SIGINT is ignored."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _exit_at_once)


def end_quiet_start() -> None:
    """Restore Python's own handler: from here on there may be something to clean up."""
    if signal.getsignal(signal.SIGINT) is _exit_at_once:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _exit_at_once(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - as signals call it
    # Nothing is open yet, and an exception could be caught by the module that is being loaded.
    os._exit(INTERRUPTED)


if is_command(sys.argv, sys.orig_argv):
    begin_quiet_start()
