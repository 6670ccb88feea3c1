"""The commands, called as from a shell but in this process."""

import atexit
import io
import json
import logging
import os
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

import agentkit
import agentkit.cli.app
import agentkit.cli.main
from agentkit.cli.main import main, run_program
from agentkit.errors import ConfigError

PROJECT = Path(__file__).resolve().parents[3] / "pyproject.toml"

SANDBOX = ("--model", "sandbox:mixtral-8x22b")

Shell = Callable[..., tuple[int, str, str]]


@pytest.fixture
def shell(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Shell]:
    """Return a function that runs a command line and gives its code, output and messages."""
    monkeypatch.chdir(tmp_path)
    for variable in [name for name in os.environ if name.endswith("_KEY")]:
        monkeypatch.delenv(variable)
    monkeypatch.delenv("AGENTKIT_MODEL", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    log = logging.getLogger("agentkit")
    handlers = list(log.handlers)

    monkeypatch.setattr(sys, "stdin", io.StringIO())

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["agentkit", *words])
        code = main()
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    yield run
    log.handlers[:] = handlers
    log.setLevel(logging.NOTSET)


def test_a_question_is_answered_with_a_tool(shell: Shell) -> None:
    """The answer alone is on standard output."""
    code, out, err = shell("run", "What is 12.5% of 640, plus the square root of 1764?")

    lines = err.splitlines()
    assert code == 0
    assert "122" in out
    assert "→" not in out
    assert lines[0].startswith("sandbox:mixtral-8x22b (no key of a known provider is set)")
    assert '→ calculate(expression="12.5 / 100 * 640 + sqrt(1764)")' in lines
    assert any(line.startswith("← 122  (") for line in lines)


def test_a_question_can_come_from_standard_input(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And tools may be forbidden."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("What is 6 * 7?"))

    code, out, err = shell("run", "-", *SANDBOX, "--tool-choice", "none")

    assert code == 0
    assert out
    assert "→" not in err


def test_events_can_be_had_as_lines_of_json(shell: Shell) -> None:
    """From the first to the last."""
    code, out, err = shell("run", "What is 6 * 7?", "--json", *SANDBOX)

    events = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert events[0]["event"]["type"] == "run_started"
    assert events[-1]["event"]["type"] == "run_finished"
    assert "42" in events[-1]["event"]["text"]
    assert "→" not in err


def test_a_run_that_ends_at_a_limit_has_a_code_of_its_own(shell: Shell) -> None:
    """And says which limit."""
    code, _, err = shell("run", "What is 6 * 7?", "--max-turns", "1", *SANDBOX)

    assert code == 3
    assert "The run ended early: max turns." in err


def test_files_are_read_in_the_folder_that_is_named(shell: Shell, tmp_path: Path) -> None:
    """And nowhere else."""
    (tmp_path / "notes.txt").write_text("Pay the invoice")

    code, out, _ = shell(
        "run", "What is in the file notes.txt?", "--tools", "files", "--folder", str(tmp_path)
    )

    assert code == 0
    assert "Pay the invoice" in out


ERRORS = {
    "no key": (
        ("run", "hi", "--model", "openrouter:mixtral-8x22b"),
        "agentkit: There is no key for OpenRouter ('openrouter'): set OPENROUTER_API_KEY, or run "
        "'agentkit keys set openrouter'; get one at https://openrouter.ai/keys.",
    ),
    "unknown provider": (("run", "hi", "--model", "foo:bar"), "agentkit: 'foo:bar' begins with no"),
    "unknown tools": (("run", "hi", "--tools", "xyz"), "agentkit: There are no ready-made tools"),
    "no question": (("run", " ", *SANDBOX), "agentkit: The question is empty"),
    "unknown tools to list": (("tools", "xyz"), "agentkit: There are no ready-made tools"),
    "a wrong schema": (("run", "hi", "--schema", "a b c"), "agentkit: --schema: 'a b c' is not a"),
    "a missing file": (("run", "hi", "--file", "x.txt"), "agentkit: The file 'x.txt' cannot be"),
    "a wrong setting": (("run", "hi", "-o", "heat=1"), "agentkit: -o 'heat=1': write NAME=VALUE"),
    "a base URL alone": (("run", "hi", "--base-url", "http://x/v1"), "agentkit: --base-url needs"),
    "an unknown provider's key": (("keys", "set", "xyz"), "agentkit: There is no provider 'xyz'"),
    "a provider without keys": (("keys", "set", "sandbox"), "agentkit: Sandbox needs no key."),
    "an unknown provider's models": (("models", "xyz"), "agentkit: There is no provider 'xyz'"),
    "an unknown default": (("models", "default", "foo:bar"), "agentkit: 'foo:bar' begins with no"),
    "an alias that is a name": (
        ("models", "alias", "groq", "ollama:x"),
        "agentkit: 'groq' cannot be an alias",
    ),
    "unknown agent": (("chat", "--agent", "xyz"), "agentkit: There is no ready-made agent"),
}


@pytest.mark.parametrize(("words", "message"), ERRORS.values(), ids=ERRORS.keys())
def test_a_mistake_is_one_line_that_says_what_to_do(
    shell: Shell, words: tuple[str, ...], message: str
) -> None:
    """With the code 2, and nothing on standard output."""
    code, out, err = shell(*words)

    assert code == 2
    assert out == ""
    assert err.startswith(message)
    assert err.count("\n") == 1


def test_a_wrong_option_is_reported_with_the_way_to_help(shell: Shell) -> None:
    """As command lines do."""
    code, _, err = shell("run", "hi", "--bogus")

    assert code == 2
    assert "No such option: --bogus" in err


def test_a_provider_that_cannot_be_reached_is_one_line(shell: Shell) -> None:
    """With the code 1."""
    code, _, err = shell(
        "run", "hi", "--model", "openai-compatible:x", "--base-url", "http://127.0.0.1:9/v1"
    )

    assert code == 1
    assert err.splitlines()[-1].startswith("agentkit: ")
    assert (
        "(openai-compatible at http://127.0.0.1:9/v1; try again, check the address (--base-url or "
        "AGENTKIT_OPENAI_COMPATIBLE_BASE_URL), or choose another provider with --model)" in err
    )


def test_tools_are_listed(shell: Shell) -> None:
    """All families, with what they may do."""
    code, out, _ = shell("tools")

    assert code == 0
    assert "calculate " in out
    assert "may destroy" in out


def test_the_tools_of_a_name_are_listed_as_json(shell: Shell, tmp_path: Path) -> None:
    """A user's own file too; adding and destroying are distinguished."""
    (tmp_path / "own.py").write_text(
        "from agentkit import tool\n\n@tool(destructive=False)\n"
        "def note(text: str) -> str:\n    return text\n"
    )

    code, out, _ = shell("tools", "own.py", "--json")
    _, table, _ = shell("tools", "own.py")

    assert code == 0
    assert [(each["from"], each["name"], each["read_only"]) for each in json.loads(out)] == [
        ("own.py", "note", False)
    ]
    assert "adds" in table


def test_a_family_that_is_not_installed_is_named(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With how to install it."""
    monkeypatch.setattr("agentkit_tools.find_spec", lambda _: None)

    code, out, err = shell("tools")

    assert code == 0
    assert "convert_units" not in out
    assert "units: not installed; install 'mixtral-agentkit[tools-units]'." in err


def test_a_family_that_cannot_work_here_is_named(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are listed; if it is asked for, it is an error."""
    monkeypatch.chdir(tmp_path)

    code, out, err = shell("tools")
    asked, _, reason = shell("tools", "git")

    assert code == 0
    assert "query_tables" in out
    assert "git_status" not in out
    assert "git: " in err
    assert asked != 0
    assert "top folder of a git repository" in " ".join(reason.split())


def test_agents_are_listed(shell: Shell) -> None:
    """As a table and as JSON."""
    assert "assistant" in shell("agents")[1]
    assert "assistant" in json.loads(shell("agents", "--json")[1])


def test_a_question_is_answered_where_standard_input_is_closed(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As some services start their programs."""
    monkeypatch.setattr(sys, "stdin", None)

    code, out, _ = shell("run", "What is 6 * 7?")

    sys.stdin.close()
    assert (code, "42" in out) == (0, True)


@pytest.mark.parametrize(
    "words", [("run", "-h"), ("doctor",), ("frob",)], ids=["help", "no argument", "typo"]
)
def test_the_command_line_calls_itself_agentkit(shell: Shell, words: tuple[str, ...]) -> None:
    """However it was started."""
    _, out, err = shell(*words)

    assert (out + err).startswith("Usage: agentkit ")


def test_providers_are_listed_without_their_keys(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only whether a key is set, and what it would be called."""
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-very-secret")

    code, table, err = shell("providers")
    _, facts, _ = shell("providers", "--json")
    _, keys, _ = shell("keys", "list")

    by_name = {each["name"]: each for each in json.loads(facts)}
    assert code == 0
    assert "sk-very-secret" not in table + err + facts + keys
    assert "not set: OXEN_API_KEY" in table
    assert "not needed" in table
    assert "Without --model: openrouter:mixtral-8x22b (OPENROUTER_API_KEY is set)." in err
    assert by_name["openrouter"]["key_is_set"]
    assert by_name["openrouter"]["key_source"] == "OPENROUTER_API_KEY"
    assert "OPENROUTER_API_KEY" in keys
    assert not by_name["oxen"]["key_is_set"]
    assert by_name["oxen"]["models"][0]["context_window_tokens"] == 64_000
    assert not by_name["sandbox"]["is_language_model"]


def test_a_price_that_is_half_known_is_shown_so(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A question mark stands for the other half."""
    catalog = tmp_path / "providers.toml"
    catalog.write_text(
        '[half]\ntitle = "Half"\nbase_url = "https://half.test/v1"\n'
        'auth = {kind = "none"}\n'
        '[[half.models]]\nfamily = "m"\nid = "m"\ninput_usd_per_million = "1.50"\n'
    )
    monkeypatch.setenv("AGENTKIT_CATALOG", str(catalog))

    code, table, err = shell("models")

    assert code == 0, err
    assert "1.5 / ?" in table


def test_the_version_is_printed(shell: Shell) -> None:
    """The one in `pyproject.toml`, also where the package is not installed but only lies there."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]

    assert agentkit.__version__ == project["version"]
    assert shell("--version") == (0, f"agentkit {agentkit.__version__}\n", "")


def test_debug_logs_to_standard_error(shell: Shell) -> None:
    """Requests, answers, arguments and results; the answer stays alone on standard output."""
    code, out, err = shell("--debug", "run", "What is 6 * 7?", *SANDBOX)

    assert code == 0
    for event in ("model_request", "model_responded", "tool_call_started", "tool_call_finished"):
        assert f"DEBUG agentkit.cli {event} " in err
    assert "What is 6 * 7?" in err
    assert "expression" in err
    assert out.count("\n") == 1
    assert logging.getLogger("agentkit").level == logging.DEBUG


def test_an_incomplete_installation_is_one_line(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For any command; the code is 2, as for every wrong configuration."""

    def missing(path: str) -> object:
        raise ConfigError(f"Cannot import 'typer' for {path!r}.")

    monkeypatch.setattr(agentkit.cli.main, "load_object", missing)

    code, out, err = shell("run", "hi")

    assert (code, out) == (2, "")
    assert err == "agentkit: Cannot import 'typer' for 'agentkit.cli.app:app'.\n"


def test_ctrl_c_while_a_command_starts_ends_quietly(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No traceback from an import; what happens before is in the integration tests."""

    def interrupted(**_: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(agentkit.cli.app, "list_agents", interrupted)

    assert shell("agents") == (130, "", "")


@pytest.mark.usefixtures("shell")  # for a clean place
def test_a_tool_that_cannot_be_stopped_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The process ends although its thread goes on, after what is registered for its end."""
    ended_with: list[int | str] = []
    monkeypatch.setattr(os, "_exit", ended_with.append)
    # Those of this process would end the measurement of its coverage.
    monkeypatch.setattr(atexit, "_run_exitfuncs", partial(ended_with.append, "functions"))
    release = threading.Event()
    monkeypatch.setattr(sys, "argv", ["agentkit", "agents"])
    stuck = threading.Thread(target=release.wait)
    stuck.start()
    try:
        code = run_program()
    finally:
        release.set()
        stuck.join()

    assert (code, ended_with) == (0, ["functions", 0])


@pytest.mark.parametrize(
    ("app", "code"),
    [(lambda: None, 0), (lambda: sys.exit("no"), 1), (lambda: sys.exit(), 0)],
    ids=["returns", "a text", "nothing"],
)
def test_any_way_an_app_ends_is_a_code(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, app: Callable[[], object], code: int
) -> None:
    """Also those that our commands do not use."""
    monkeypatch.setattr(
        agentkit.cli.main,
        "load_object",
        lambda _: lambda prog_name: app(),  # noqa: ARG005
    )

    assert shell()[0] == code
