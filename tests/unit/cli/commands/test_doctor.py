"""`agentkit doctor`: output, written profile and exit code."""

import json
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal
from typer.testing import CliRunner

from agentkit.cli.app import app
from agentkit.cli.commands.doctor import DoctorRequest, run_doctor
from agentkit.cli.exit_codes import FAILED, OK, USAGE_ERROR, exit_code_of
from agentkit.config.load import resolve_model
from agentkit.errors import ConfigError
from tests.integration.doctor_server import OddProvider, Traits, as_json, running

KEY = "sk-geheim-123"


@pytest.fixture(autouse=True)
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set up a home folder without a catalog, and a key."""
    for variable in ("AGENTKIT_CATALOG", "AGENTKIT_MODEL", "APPDATA", "OPENROUTER_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("OPENAI_COMPATIBLE_API_KEY", KEY)
    return tmp_path / "agentkit" / "catalog.toml"


@contextmanager
def serving(server: OddProvider) -> Iterator[str]:
    """Serve a provider in another thread: the command has an event loop of its own."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(running(server)) as url,
    ):
        yield url


def check(
    server: OddProvider, target: str = "openai-compatible:mixtral-8x22b", **options: Any
) -> int:
    """Run the command against a provider."""
    with serving(server) as url:
        return run_doctor(DoctorRequest(target=target, base_url=url, probe_seconds=2.0, **options))


def test_a_provider_that_matches_its_profile_has_no_problem(
    catalog: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The default model need not be named; nothing is written."""
    code = run_doctor(DoctorRequest(target="sandbox"))

    shown = capsys.readouterr()
    assert code == OK
    assert "tool_choice named" in shown.out
    assert "12 requests" in shown.err
    assert "$0.000000" in shown.err
    assert "nothing to write" in shown.err
    assert not catalog.exists()


def test_a_provider_that_is_not_reached_is_not_called_correct(
    catalog: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is known of it, so nothing is written."""
    request = DoctorRequest(target="openai-compatible:m", base_url="http://127.0.0.1:9/v1")

    code = run_doctor(replace(request, save_as="office"))

    shown = capsys.readouterr()
    assert code == FAILED
    assert "could not be reached" in shown.err
    assert "correct" not in shown.out + shown.err
    assert not catalog.exists()


def test_a_provider_without_a_chat_endpoint_is_not_called_correct(
    catalog: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was reached, and answered nothing that an agent can use."""
    code = check(OddProvider(Traits(chat_path="/none")))

    assert code == FAILED
    assert "The profile is unchanged" in capsys.readouterr().err
    assert not catalog.exists()


@pytest.mark.parametrize("variable", [None, "OFFICE_KEY"])
def test_a_saved_profile_is_a_model_of_its_own(
    catalog: Path, monkeypatch: pytest.MonkeyPatch, variable: str | None
) -> None:
    """Its name alone names provider, model, address and key."""
    monkeypatch.setenv("OFFICE_KEY", "sk-office-1234567")
    server = OddProvider(Traits())
    with serving(server) as url:
        request = DoctorRequest(target="openai-compatible:qwen-7b", base_url=url)
        run_doctor(replace(request, save_as="office", api_key_env=variable))
        server.requests.clear()
        done = CliRunner().invoke(app, ["run", "-m", "office", "Hi"])

    assert done.exit_code == 0, done.output
    assert "Hello" in done.output
    (sent,) = [each for each in server.requests if each.method == "POST"]
    assert json.loads(sent.body)["model"] == "qwen-7b"
    key = KEY if variable is None else "sk-office-1234567"
    assert sent.headers["authorization"] == f"Bearer {key}"
    assert "sk-" not in catalog.read_text()


def test_the_changed_profile_is_written_and_used(
    catalog: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the user's own catalog, without the key."""
    server = OddProvider(Traits(takes=frozenset({"auto", "none"}), strict=True))

    code = check(server)

    shown = capsys.readouterr()
    assert code == OK
    assert f"Written to {catalog}, provider 'openai-compatible'." in shown.err
    assert "cost unknown" in shown.err
    assert KEY not in catalog.read_text() + shown.out + shown.err
    resolved = resolve_model("openai-compatible:mixtral-8x22b")
    assert resolved.provider.accepts.tool_choice == {"auto", "none"}
    assert resolved.provider.accepts.is_strict
    assert resolved.provider.base_url.startswith("http://127.0.0.1:")
    assert all(request.headers["authorization"] == f"Bearer {KEY}" for request in server.requests)


def test_a_provider_can_be_saved_under_another_name(catalog: Path) -> None:
    """The rest of the catalog stays as it is."""
    catalog.parent.mkdir()
    catalog.write_text("# mine\n[vllm]\nbase_url = 'http://a'\n")

    code = check(OddProvider(), save_as="office")

    found = tomllib.loads(catalog.read_text())
    assert code == OK
    assert catalog.read_text().startswith("# mine\n[vllm]")
    assert found["office"]["auth"] == {"env": ["OPENAI_COMPATIBLE_API_KEY"], "is_required": False}
    resolved = resolve_model("office:mixtral-8x22b")
    assert resolved.provider.title == "office"
    assert resolved.model.rules == "mistral"
    assert resolved.api_key is not None


def test_a_launched_provider_can_be_saved_under_another_name() -> None:
    """It is still launched."""
    assert run_doctor(DoctorRequest(target="sandbox", save_as="box")) == OK
    assert run_doctor(DoctorRequest(target="box")) == OK

    assert resolve_model("box:mixtral-8x22b").provider.title == "Sandbox"


def test_a_dry_run_prints_the_profile_and_writes_nothing(
    catalog: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After the table."""
    code = check(OddProvider(Traits(parallel=False, takes=frozenset())), is_dry_run=True)

    shown = capsys.readouterr()
    assert code == OK
    assert "\n[openai-compatible.accepts]\ntool_choice = []\n" in shown.out
    assert "would be written to" in shown.err
    assert not catalog.exists()


def test_json_holds_all_results(catalog: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing else is on standard output."""
    listing = {
        "data": [{"id": "mixtral-8x22b", "pricing": {"prompt": "0.000001", "completion": "0"}}]
    }

    code = check(OddProvider(Traits(listing=listing)), as_json=True)

    facts = json.loads(capsys.readouterr().out)
    assert code == OK
    assert facts["is_well"] is True
    assert facts["stopped"] is None
    assert facts["provider"] == "openai-compatible"
    assert facts["usage"]["cost_usd"] == pytest.approx(facts["usage"]["input_tokens"] / 1e6)
    assert facts["findings"][2] == {
        "question": "chat",
        "verdict": "yes",
        "seen": "answers a plain question",
        "what_to_do": "",
        "is_problem": False,
    }
    assert facts["profile"]["is_written"] is True
    assert facts["profile"]["path"] == str(catalog)
    assert tomllib.loads(facts["profile"]["toml"]) == tomllib.loads(catalog.read_text())


def test_a_provider_that_does_not_work_ends_with_1(
    catalog: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the reason; control characters are escaped."""
    refusal = as_json({"error": "bad \x1b[2J key"}, status=401)

    code = check(OddProvider(instead=[refusal]))

    shown = capsys.readouterr()
    assert code == FAILED
    assert "Stopped early: The " in shown.err
    assert "answered with an error (401)" in shown.err
    assert "The profile is unchanged: not everything could be tested." in shown.err
    assert "correct" not in shown.err
    assert "check the key" in shown.out
    assert "\x1b[2J" not in shown.out + shown.err
    assert not catalog.exists()


def test_json_reports_a_provider_that_does_not_work(capsys: pytest.CaptureFixture[str]) -> None:
    """With an empty profile."""
    code = check(OddProvider(instead=[as_json({}, status=402)]), as_json=True, is_dry_run=True)

    facts = json.loads(capsys.readouterr().out)
    assert code == FAILED
    assert facts["is_well"] is False
    assert "402" in facts["stopped"]
    assert facts["profile"]["toml"] == ""
    assert facts["profile"]["is_written"] is False


def test_an_incomplete_cost_is_a_lower_bound(capsys: pytest.CaptureFixture[str]) -> None:
    """If a provider does not report all usage."""
    listing = {"data": [{"id": "mixtral-8x22b", "pricing": {"prompt": "0", "completion": "0"}}]}

    check(OddProvider(Traits(listing=listing, usage="never")), is_dry_run=True)

    assert "at least $0.000000" in capsys.readouterr().err


WRONG_USES = {
    "no such provider": ({"target": "nowhere"}, "no known provider"),
    "no such provider, with a model": ({"target": "nowhere:m"}, "no known provider"),
    "a provider without models": (
        {"target": "openai-compatible", "base_url": "http://h"},
        "'openai-compatible:MODEL-ID'",
    ),
    "no key": ({"target": "openrouter"}, "OPENROUTER_API_KEY"),
    "no address": ({"target": "sandbox", "base_url": "ftp://x"}, "base URL"),
    "a name that is none": ({"target": "sandbox", "save_as": "My Provider"}, "--save-as"),
    "an address for a provider that is started": (
        {"target": "sandbox", "base_url": "http://h"},
        "--save-as NAME",
    ),
}


@pytest.mark.parametrize(("words", "why"), WRONG_USES.values(), ids=WRONG_USES)
def test_wrong_usage_ends_with_2_before_anything_is_sent(
    words: dict[str, str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line that says what to do."""
    code = exit_code_of(lambda: run_doctor(DoctorRequest(**words)))  # type: ignore[arg-type]  # only texts

    assert code == USAGE_ERROR
    assert why in capsys.readouterr().err


def test_without_a_catalog_folder_only_a_dry_run_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error comes before a request is paid for."""
    for variable in ("XDG_CONFIG_HOME", "HOME"):
        monkeypatch.delenv(variable)

    with pytest.raises(ConfigError, match="AGENTKIT_CATALOG"):
        run_doctor(DoctorRequest(target="sandbox"))
    assert run_doctor(DoctorRequest(target="sandbox", is_dry_run=True)) == OK
    assert check(OddProvider(Traits(parallel=False)), is_dry_run=True) == OK


def test_progress_is_shown_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A provider may be slow."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)

    run_doctor(DoctorRequest(target="sandbox"))

    assert "round_trip" in capsys.readouterr().err


def test_the_options_of_the_command_are_passed_on() -> None:
    """From the command line to the exit code."""
    words = ["doctor", "sandbox:mixtral-8x22b", "--dry-run", "--json", "--timeout", "5"]

    done = CliRunner().invoke(app, [*words, "--max-cost", "0.5"])
    helped = CliRunner().invoke(app, ["doctor", "--help"])

    assert done.exit_code == OK
    assert json.loads(done.stdout)["is_well"] is True
    assert DoctorRequest(target="x").max_cost_usd == Decimal("0.01")
    assert "--save-as" in helped.stdout
