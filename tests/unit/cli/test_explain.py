"""`agentkit explain`: the last run, a file, a stored run, a page."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agentkit.cli.app import app
from agentkit.cli.kept_records import MAX_RUNS
from tests.unit.telemetry.explain.recorded import RECORDS, RUN


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the user an empty folder for data."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path


def agentkit(*words: str) -> tuple[int, str, str]:
    """Run the command line and return exit code, standard output and standard error."""
    done = CliRunner().invoke(app, words, prog_name="agentkit")
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def recorded(home: Path) -> str:
    """Return a file with the records of a run."""
    file = home / "run.jsonl"
    file.write_text("\n".join(record.to_json() for record in RECORDS), encoding="utf-8")
    return str(file)


def test_the_last_run_is_explained(home: Path) -> None:
    """Its records are readable by the user alone."""
    assert agentkit("run", "What is 6 * 7?")[0] == 0
    code, shown, _ = agentkit("explain")

    assert code == 0
    assert "The model called calculate." in shown
    assert "answered" in shown
    document = json.loads(agentkit("explain", "last", "--json")[1])
    requests = [
        text["text"]
        for step in document["explanation"]["steps"]
        for text in step["texts"]
        if text["label"] == "Request"
    ]
    assert "user: What is 6 * 7?" in requests[0]
    assert "tools (auto): calculate" in requests[0]
    assert "(2 messages as before)" in requests[1]
    [kept] = (home / "data" / "agentkit" / "runs").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert agentkit("explain", "last")[1] == shown


def test_nothing_is_kept_if_not_wanted(home: Path) -> None:
    """Then there is nothing to explain."""
    assert agentkit("run", "What is 6 * 7?", "--no-store")[0] == 0
    code, shown, said = agentkit("explain", "last")

    assert (code, shown) == (2, "")
    assert "No run of the command line is kept" in said
    assert not (home / "data" / "agentkit" / "runs").exists()


def test_only_the_last_runs_are_kept(home: Path) -> None:
    """The oldest are removed."""
    folder = home / "data" / "agentkit" / "runs"
    folder.mkdir(parents=True)
    for number in range(MAX_RUNS + 5):
        (folder / f"2020010{number % 10}T{number:06}.jsonl").write_text("{}")

    agentkit("run", "What is 6 * 7?")

    assert len(list(folder.iterdir())) == MAX_RUNS


def test_a_file_of_the_same_name_does_not_stop_a_run(home: Path) -> None:
    """A folder that is a file cannot hold records."""
    (home / "data").write_text("")
    assert agentkit("run", "What is 6 * 7?")[0] == 0


def test_a_file_is_explained_in_every_form(home: Path, recorded: str) -> None:
    """As text, as JSON, and as a page."""
    page = home / "run.html"
    code, shown, said = agentkit("explain", recorded, "--html", str(page))
    assert (code, shown) == (0, "")
    assert said.strip().endswith("run.html.")
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")

    code, shown, _ = agentkit("explain", recorded, "--json", "--compare", recorded)
    document = json.loads(shown)
    assert (code, document["explanation"]["run_id"]) == (0, RUN)
    assert document["comparison"]["measures"][0][3] == "same"

    code, shown, _ = agentkit("explain", recorded, "--compare", recorded)
    assert code == 0
    assert "Compared with order-7-refund" in shown
    assert "\x1b[31m" not in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing"], "is no file and no stored run"),
        (["missing.jsonl"], "Cannot read"),
        (["last", "--compare", "nothing"], "No run of the command line is kept"),
    ],
)
def test_an_unknown_run_or_file_is_a_usage_error(words: list[str], said: str) -> None:
    """With what to give in its place."""
    code, shown, error = agentkit("explain", *words)

    assert (code, shown) == (2, "")
    assert said in error


def test_a_page_that_cannot_be_written_is_an_error(recorded: str, home: Path) -> None:
    """That names the file."""
    code, _, error = agentkit("explain", recorded, "--html", str(home / "no" / "run.html"))

    assert code == 2
    assert "run.html" in error
