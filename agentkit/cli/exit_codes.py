"""How a command ends: its exit code and, if it failed, one line that says what to do.

In:  a command.
Out: the exit code:

- 0: there is an answer.
- 1: the run failed: the provider could not be reached or gave no usable answer, or code of the user
  failed.
- 2: the command line, the configuration or a tool's definition is wrong; nothing was sent.
- 3: the run ended at a limit before it was done; what there is was printed.
- 4: the run waits for the approval of a call, and there was no one to ask.
- 70: an error in agentkit itself.
- 74: the answer could not be written to standard output.
- 129, 130, 143: stopped by SIGHUP, Ctrl-C, SIGTERM.
- 141: the reader of standard output is gone.
"""

import logging
import sys
import traceback
from collections.abc import Callable

from agentkit.cli.provider_advice import describe_advice
from agentkit.cli.terminal import (
    StandardOutputError,
    discard_buffered,
    escape_controls,
    note,
    write_note,
)
from agentkit.cli.user_code import describe_failure, is_user_error
from agentkit.errors import (
    AgentKitError,
    ConfigError,
    HistoryError,
    MissingExtraError,
    ProviderError,
    ToolDefinitionError,
    ToolsetError,
    UnsupportedError,
    UsageError,
)
from agentkit.model.model import Model
from agentkit.quiet_start import end_quiet_start

OK, FAILED, USAGE_ERROR, LIMIT_REACHED, SUSPENDED = 0, 1, 2, 3, 4
INTERNAL_ERROR, WRITE_FAILED = 70, 74
INTERRUPTED, OUTPUT_CLOSED = 130, 141

_CALLERS_FAULT = (
    ConfigError,
    HistoryError,
    MissingExtraError,
    ToolDefinitionError,
    ToolsetError,
    UnsupportedError,
    UsageError,
)


def exit_code_of(command: Callable[[], int]) -> int:
    """Run `command` and return its exit code, whatever it raises."""
    end_quiet_start()
    try:
        return command()
    except KeyboardInterrupt:
        return INTERRUPTED
    except (BrokenPipeError, StandardOutputError) as error:
        return _end_without_output(error)
    except AgentKitError as error:
        print_error(error)
        return USAGE_ERROR if isinstance(error, _CALLERS_FAULT) else FAILED
    # The last border: a user gets a line, no traceback. Only the user's own code calls
    # `sys.exit()`, and its code would be taken for one of the codes above.
    except (Exception, SystemExit) as error:  # noqa: BLE001 - see above
        return _unexpected(error)


def print_error(error: BaseException, *, prefix: str = "", model: Model | None = None) -> None:
    """Print what went wrong in one line on standard error; with `--debug`, a traceback too.

    On a terminal the line is wrapped between words.

    Args:
        error: what was raised.
        prefix: put before the message.
        model: the model of the run; its provider and address are in the line.
    """
    if logging.getLogger("agentkit").isEnabledFor(logging.DEBUG):
        write_note(escape_controls("".join(traceback.format_exception(error))))
    text = str(error) if isinstance(error, AgentKitError) else f"{type(error).__name__}: {error}"
    if isinstance(error, ProviderError):
        text += describe_advice(error, model)
    note(f"agentkit: {prefix}{' '.join(text.split())}")


def _unexpected(error: BaseException) -> int:
    """Print whose fault an error is, and return the exit code."""
    if is_user_error(error) or isinstance(error, SystemExit):
        print_error(ConfigError(f"Your own code failed: {describe_failure(error)}."))
        return FAILED
    print_error(error, prefix="this is an error in agentkit itself, please report it: ")
    return INTERNAL_ERROR


def _end_without_output(error: Exception) -> int:
    """Return the exit code if standard output is closed, is full, or has no reader any more."""
    discard_buffered(sys.stdout)
    if isinstance(error, BrokenPipeError):
        return OUTPUT_CLOSED
    write_note(f"agentkit: The answer cannot be written to standard output: {error}.\n")
    return WRITE_FAILED
