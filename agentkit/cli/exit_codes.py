"""How a command ends: its exit code and, if it failed, one line that says what to do.

In:  a command.
Out: the exit code:

- 0: there is an answer.
- 1: the run failed: the provider could not be reached or gave no usable answer.
- 2: the command line, the configuration or a tool's definition is wrong; nothing was sent.
- 3: the run ended at a limit before it was done; what there is was printed.
- 4: the run waits for an answer about a call, and nobody could be asked.
- 70: an error in agentkit itself.
- 130: stopped with Ctrl-C.
- 141: nobody reads the output any more.
"""

import logging
import os
import sys
import traceback
from collections.abc import Callable

from agentkit.cli.terminal import escape_controls
from agentkit.errors import (
    AgentKitError,
    ConfigError,
    HistoryError,
    MissingExtraError,
    ProviderError,
    ToolDefinitionError,
    ToolsetError,
    UnsupportedError,
)

OK, FAILED, USAGE_ERROR, LIMIT_REACHED, SUSPENDED, INTERNAL_ERROR, INTERRUPTED, OUTPUT_CLOSED = (
    0,
    1,
    2,
    3,
    4,
    70,
    130,
    141,
)

_BEFORE_ANYTHING_IS_SENT = (
    ConfigError,
    HistoryError,
    MissingExtraError,
    ToolDefinitionError,
    ToolsetError,
    UnsupportedError,
)


def exit_code_of(command: Callable[[], int]) -> int:
    """Run `command` and return its exit code, whatever it raises."""
    try:
        return command()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # What is still buffered must not fail again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OUTPUT_CLOSED
    except AgentKitError as error:
        print_error(error)
        return USAGE_ERROR if isinstance(error, _BEFORE_ANYTHING_IS_SENT) else FAILED
    except Exception as error:  # noqa: BLE001 - the last border: a user gets a line, no traceback
        print_error(error, prefix="this is an error in agentkit itself, please report it: ")
        return INTERNAL_ERROR


def print_error(error: Exception, *, prefix: str = "") -> None:
    """Say on standard error what went wrong, in one line; with `--debug`, where as well."""
    if logging.getLogger("agentkit").isEnabledFor(logging.DEBUG):
        traceback.print_exception(error)
    text = str(error) if isinstance(error, AgentKitError) else f"{type(error).__name__}: {error}"
    print(
        f"agentkit: {prefix}{escape_controls(' '.join(text.split()))}{_cure(error)}",
        file=sys.stderr,
    )


def _cure(error: Exception) -> str:
    """Return what to do about an error that does not say it itself."""
    if not isinstance(error, ProviderError):
        return ""
    match error.kind:
        case "auth":
            cure = "check the key ('agentkit providers' names its variable)"
        case "insufficient_credits":
            cure = "add credit at the provider, or choose another with --model"
        case "rate_limit":
            wait = error.retry_after_seconds
            cure = f"try again in {wait:.0f} s" if wait else "try again later"
        case "tools_unsupported":
            cure = "choose another model with --model, or none of the tools with --tools none"
        case "connection" | "timeout" | "stream_interrupted" | "server":
            cure = "try again, or choose another provider with --model"
        case "truncated":
            cure = "ask for less at a time"
        case _:
            return ""
    return f" ({cure})"
