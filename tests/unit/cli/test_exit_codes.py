"""How commands end."""

import json
import logging
from collections.abc import Iterator

import pytest

import agentkit.cli.exit_codes
from agentkit.cli.exit_codes import exit_code_of
from agentkit.cli.terminal import StandardOutputError
from agentkit.errors import (
    AgentKitError,
    ConfigError,
    ErrorKind,
    HistoryError,
    MissingExtraError,
    ProtocolError,
    StatusError,
    ToolDefinitionError,
    TransportError,
    UnsupportedError,
    UsageError,
)


def ending_of(error: BaseException) -> int:
    """Return the exit code of a command that raises."""

    def command() -> int:
        raise error

    return exit_code_of(command)


def test_a_command_that_ends_well_keeps_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing is said."""
    assert exit_code_of(lambda: 3) == 3
    assert capsys.readouterr().err == ""


CODES = {
    "config": (ConfigError("No key."), 2),
    "history": (HistoryError("Empty."), 2),
    "extra": (MissingExtraError("Install it."), 2),
    "tool": (ToolDefinitionError("Bad schema."), 2),
    "unsupported": (UnsupportedError("Not there."), 2),
    "usage": (UsageError("Not async."), 2),
    "other": (AgentKitError("Broken."), 1),
    "provider": (TransportError("No way.", kind="bad_response"), 1),
}


@pytest.mark.parametrize(("error", "code"), CODES.values(), ids=CODES.keys())
def test_an_error_is_one_line_and_a_code(
    error: AgentKitError, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line is the error's own words."""
    assert ending_of(error) == code
    assert capsys.readouterr().err == f"agentkit: {error}\n"


CURES: dict[ErrorKind, str] = {
    "auth": "agentkit providers",
    "insufficient_credits": "add credit",
    "rate_limit": "try again later",
    "tools_unsupported": "--tools none",
    "connection": "try again",
    "timeout": "try again",
    "server": "another provider",
    "stream_interrupted": "try again",
    "truncated": "raise --max-tokens, or ask for less",
    "empty_response": "another model",
    "tool_generation_failed": "another model",
    "content_filter": "other words",
}


@pytest.mark.parametrize(("kind", "cure"), CURES.items(), ids=CURES.keys())
def test_a_provider_error_says_what_to_do(
    kind: ErrorKind, cure: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Behind the provider's own words."""
    assert ending_of(StatusError("The provider said no.", kind=kind)) == 1

    shown = capsys.readouterr().err
    assert shown.startswith("agentkit: The provider said no. (")
    assert cure in shown


def test_a_wait_that_the_provider_asks_for_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    """In seconds."""
    ending_of(StatusError("Slow down.", kind="rate_limit", retry_after_seconds=7.0))

    assert "try again in 7 s" in capsys.readouterr().err


def test_untrusted_lines_are_joined_and_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    """An upstream's message may be a page."""
    ending_of(ProtocolError("a\nb\x1b[2J", kind="bad_response"))

    assert capsys.readouterr().err == "agentkit: a b\\x1b[2J\n"


def test_an_internal_error_is_one_line_without_a_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its type is in the line, for a report."""
    code = compile("raise KeyError('x')", agentkit.cli.exit_codes.__file__, "exec")

    def command() -> int:
        exec(code)  # noqa: S102 - an error that is raised in a file of agentkit
        return 0

    assert exit_code_of(command) == 70
    assert capsys.readouterr().err == (
        "agentkit: this is an error in agentkit itself, please report it: KeyError: 'x'\n"
    )


USER_ERRORS: dict[str, tuple[BaseException, str]] = {
    "an exception": (KeyError("x"), "KeyError: 'x' ("),
    "an exit": (SystemExit(3), "it ended with sys.exit(3) ("),
}


@pytest.mark.parametrize(("error", "text"), USER_ERRORS.values(), ids=USER_ERRORS.keys())
def test_an_error_in_the_users_code_names_the_place(
    error: BaseException, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is never called an error in agentkit, and its exit code is ours."""
    assert ending_of(error) == 1

    shown = capsys.readouterr().err
    assert shown.startswith(f"agentkit: Your own code failed: {text}test_exit_codes.py, line ")


def test_an_error_in_a_library_that_the_user_called_is_the_users(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The last frame of agentkit or of the user counts."""
    assert exit_code_of(lambda: int(json.loads("{"))) == 1
    assert "Your own code failed: JSONDecodeError" in capsys.readouterr().err


def test_an_answer_that_cannot_be_written_has_a_code_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is lost, so the code is not 0."""
    assert ending_of(StandardOutputError("No space left on device")) == 74
    assert capsys.readouterr().err == (
        "agentkit: The answer cannot be written to standard output: No space left on device.\n"
    )


@pytest.fixture
def debug_log() -> Iterator[None]:
    """Switch the debug log on."""
    log = logging.getLogger("agentkit")
    log.setLevel(logging.DEBUG)
    yield
    log.setLevel(logging.NOTSET)


@pytest.mark.usefixtures("debug_log")
def test_with_debug_the_place_is_shown_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    """For the developer who repairs it."""
    ending_of(ConfigError("No key."))

    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_ends_with_130(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a word."""
    assert ending_of(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == ""
