"""`agentkit runs`: start, list, show, follow, decide, cancel and retry."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from agentkit import Agent
from agentkit.cli.main import main
from agentkit.durable import RunInfo, open_runs
from agentkit.testing import ScriptedModel, tool_call
from agentkit_tools import load_tools
from tests.unit.durable.test_runs import paying

LATER = ("--at", "2099-01-01T08:00")
Shell = Callable[..., tuple[int, str, str]]


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    """Return a function that runs a command line on a database of its own."""
    monkeypatch.setenv("AGENTKIT_DB", f"sqlite:{tmp_path / 'runs.db'}")

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["agentkit", *words])
        code = main()
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


def work(tmp_path: Path, run_id: str) -> RunInfo:
    """Do the runs of the database until one has ended or is suspended."""

    async def until() -> RunInfo:
        url = f"sqlite:{tmp_path / 'runs.db'}"
        async with open_runs(url, agents={"payer": paying(turns=1)}) as runs:
            return await runs.wait(run_id)

    return anyio.run(until)


def test_a_run_is_started_decided_and_shown(shell: Shell, tmp_path: Path) -> None:
    """From the queue to the answer."""
    started = shell("runs", "start", "payer", "Pay", "--id", "r1")
    again = shell("runs", "start", "payer", "Pay", "--id", "r1")
    assert started[:2] == again[:2] == (0, "r1\n")
    assert work(tmp_path, "r1").status == "suspended"

    waiting = shell("runs", "show", "r1")
    decided = shell("runs", "decide", "r1", "--approve", "all")
    late = shell("runs", "decide", "r1", "--deny", "all")
    listed = shell("runs", "list", "--status", "queued")

    assert 'waits for pay000001: pay({"amount": 1})' in waiting[1]
    assert decided[0] == 0
    assert "Decided; the run is queued." in decided[2]
    assert late[0] == 1
    assert "is queued and waits for no decision" in late[2]
    assert "r1" in listed[1]
    # The script of the model goes on from its beginning, so it asks for the same call once more.
    assert work(tmp_path, "r1").segment == 2


def test_the_facts_of_a_run_are_json(shell: Shell, tmp_path: Path) -> None:
    """And its events are lines of it, after any place."""
    shell("runs", "start", "payer", "Pay", "--id", "r1", "--tenant", "acme", *LATER)
    shell("runs", "start", "payer", "Pay", "--id", "r2")
    work(tmp_path, "r2")

    [facts] = json.loads(shell("runs", "list", "--tenant", "acme", "--json")[1])
    shown = json.loads(shell("runs", "show", "r2", "--json")[1])
    lines = [json.loads(line) for line in shell("runs", "events", "r2")[1].splitlines()]
    rest = shell("runs", "events", "r2", "--after", f"1:{len(lines) - 1}")[1].splitlines()

    assert (facts["id"], facts["status"], facts["tenant"]) == ("r1", "queued", "acme")
    assert shown["status"] == "suspended"
    assert shown["open_calls"] == [{"id": "pay000001", "name": "pay", "arguments": '{"amount": 1}'}]
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert [json.loads(line) for line in rest] == lines[-1:]


def test_a_run_is_cancelled_and_retried(shell: Shell) -> None:
    """And the status is printed."""
    shell("runs", "start", "payer", "Pay", "--id", "r1", *LATER)

    cancelled = shell("runs", "cancel", "r1")
    retried = shell("runs", "retry", "r1")

    assert (cancelled[0], retried[0]) == (0, 0)
    assert "The run is cancelled." in cancelled[2]
    assert "The run is queued." in retried[2]


def test_a_run_is_followed(shell: Shell, tmp_path: Path) -> None:
    """While a worker does it, from its beginning; the exit code is that of its outcome."""
    shell("runs", "start", "payer", "Pay", "--id", "r1")
    url = f"sqlite:{tmp_path / 'runs.db'}"

    async def both() -> tuple[int, str, str]:
        async with open_runs(url, agents={"payer": paying(turns=1)}):
            return await anyio.to_thread.run_sync(shell, "runs", "show", "r1", "--follow")

    waiting = anyio.run(both)
    shell("runs", "decide", "r1", "--deny", "all", "--reason", "Too much.")
    decided = anyio.run(both)
    again = shell("runs", "show", "r1", "--follow", "--json")

    assert (waiting[0], waiting[1]) == (4, "")
    assert "UTC, segment 1: agent" in waiting[2]
    assert "The run waits for the approval of a call." in waiting[2]
    assert 'waits for pay000001: pay({"amount": 1})' in waiting[2]
    assert "pay000001: deny by command line" in decided[2]
    assert "✗ not run: Too much." in decided[2]
    # The script of the model goes on from its beginning, so it repeats the id of the call.
    assert decided[0] == again[0] == 1
    assert decided[2].count("is used twice") == 1
    assert json.loads(again[1])["status"] == "failed"


def test_the_answer_of_a_followed_run_is_on_standard_output(shell: Shell, tmp_path: Path) -> None:
    """And nothing else."""
    shell("runs", "start", "greeter", "Hi", "--id", "r1")

    async def work_on_it() -> None:
        url = f"sqlite:{tmp_path / 'runs.db'}"
        agents = {"greeter": Agent(ScriptedModel("Hello.")), "late": Agent(ScriptedModel("x"))}
        async with open_runs(url, agents=agents) as runs:
            await runs.wait("r1")

    anyio.run(work_on_it)

    assert shell("runs", "show", "r1", "--follow")[:2] == (0, "Hello.\n")
    assert shell("runs", "show", "r2", "--follow")[0] == 1


def test_schedules_are_put_listed_and_removed(shell: Shell) -> None:
    """By name."""
    put = shell("runs", "schedule", "tidy", "payer", "Tidy up", "--cron", "0 7 * * 1-5")
    listed = shell("runs", "schedules")
    [facts] = json.loads(shell("runs", "schedules", "--json")[1])
    removed = shell("runs", "unschedule", "tidy")

    assert (put[0], put[1], removed[0]) == (0, "", 0)
    assert "07:00 UTC" in put[2]
    assert all(text in listed[1] for text in ("tidy", "payer", "0 7 * * 1-5"))
    assert (facts["name"], facts["agent"], facts["cron"]) == ("tidy", "payer", "0 7 * * 1-5")
    assert json.loads(shell("runs", "schedules", "--json")[1]) == []


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("show", "x"), 1, "There is no run 'x'."),
        (("decide", "r1"), 2, "Name calls with --approve or --deny"),
        (("decide", "r1", "--approve", "c1"), 2, "no open call 'c1'; it waits for none"),
        (("decide", "r1", "--deny", "c", "--arguments", "{}"), 2, "--arguments are for one call"),
        (("retry", "r1"), 1, "only runs that are dead, failed or cancelled"),
        (("events", "r1", "--after", "x"), 2, "not the place of an event"),
        (("unschedule", "x"), 1, "There is no schedule 'x'."),
        (("schedule", "s", "payer", "Pay", "--cron", "daily"), 2, "has 1 fields"),
        (("start", "payer", " "), 2, "The prompt is empty"),
        (("start", "payer", "other", "--id", "r1"), 1, "There is already a run 'r1'"),
    ],
)
def test_what_is_wrong_is_one_line(
    shell: Shell, words: tuple[str, ...], code: int, reason: str
) -> None:
    """With the exit code of its kind."""
    shell("runs", "start", "payer", "Pay", "--id", "r1")

    ended, out, errors = shell("runs", *words)

    assert (ended, out) == (code, "")
    assert reason in errors
    assert len(errors.splitlines()) == 1


def test_the_question_of_a_run_is_answered(shell: Shell, tmp_path: Path) -> None:
    """The answer is what the model reads; `--answer` is for one question."""
    asks = tool_call("ask_user", question="Which color?", choices=["red", "blue"])

    def until() -> RunInfo:
        # The worker of each life has a model of its own, which reads the conversation.
        model = ScriptedModel(lambda request: asks if len(request.history) == 1 else "Painted.")
        agent = Agent(model, tools=load_tools("ask"))

        async def run() -> RunInfo:
            url = f"sqlite:{tmp_path / 'runs.db'}"
            async with open_runs(url, agents={"painter": agent}) as runs:
                return await runs.wait("r1")

        return anyio.run(run)

    shell("runs", "start", "painter", "Paint it.", "--id", "r1")
    waiting = until()
    both = shell("runs", "decide", "r1", "--answer", "blue", "--approve", "all")
    answered = shell("runs", "decide", "r1", "--answer", "blue")
    ended = until()
    shell("runs", "start", "payer", "Pay", "--id", "r2")
    work(tmp_path, "r2")
    none = shell("runs", "decide", "r2", "--answer", "blue")

    assert waiting.status == "suspended"
    assert (both[0], answered[0], none[0]) == (2, 0, 2)
    assert "--answer stands alone" in both[2]
    assert "asks 0 questions" in none[2]
    assert ended.text == "Painted."
    assert ended.history[2].text == "[The user answered]\nblue"
