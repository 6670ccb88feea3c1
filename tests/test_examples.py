"""Each example runs with a scripted model, and as a program with the sandbox."""

import io
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio
import httpx
import pytest

from agentkit import AssistantMessage, ToolCall
from agentkit.errors import TransportError
from agentkit.testing import ScriptedModel, tool_call

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
LIMIT_SECONDS = 300
CHAT = "/agents/v1/chat/completions"


def load(name: str) -> ModuleType:
    """Import an example from its file."""
    spec = spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def start(
    python: list[str], name: str, *words: str, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Start an example as a program."""
    return subprocess.run(  # noqa: S603 - constant arguments
        [*python, str(EXAMPLES / f"{name}.py"), *words],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_is_short(path: Path) -> None:
    """At most 60 lines, so that it is read to the end."""
    assert len(path.read_text().splitlines()) <= 60


async def test_the_chatbot_continues_the_conversation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second question is sent with the history of the first."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("What is for lunch on Monday?\n\nThanks\n"))
    model = ScriptedModel(
        AssistantMessage(tool_calls=[tool_call("lunch_menu", weekday="Monday")]),
        "Lentil soup.",
        "You are welcome.",
    )

    with anyio.fail_after(60):
        history = await load("chatbot").chat(model)

    assert [message.text for message in history] == [
        "What is for lunch on Monday?", "", "lentil soup", "Lentil soup.", "Thanks",
        "You are welcome.",
    ]  # fmt: skip
    assert capsys.readouterr().out == "Lentil soup.\nYou are welcome.\n"


def test_the_chatbot_answers_as_a_program(python: list[str]) -> None:
    """With the sandbox."""
    done = start(python, "chatbot", stdin="What is on the lunch menu on Monday?\n")

    assert done.returncode == 0, done.stderr
    assert "lentil soup" in done.stdout
    assert "[lunch_menu" in done.stderr


async def test_the_task_works_on_files(tmp_path: Path) -> None:
    """It searches and writes a report; it cannot write outside the folder."""
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "a.txt").write_text("invoice 42")
    model = ScriptedModel(
        AssistantMessage(
            tool_calls=[ToolCall(id="1", name="search_files", arguments='{"text": "invoice"}')]
        ),
        AssistantMessage(
            tool_calls=[
                ToolCall(
                    id="2",
                    name="write_file",
                    arguments='{"path": "report.txt", "content": "a.txt"}',
                ),
                ToolCall(
                    id="3",
                    name="write_file",
                    arguments='{"path": "../escaped.txt", "content": "x"}',
                ),
            ],
        ),
        "One file mentions invoices: a.txt.",
    )

    with anyio.fail_after(60):
        result = await load("task").carry_out(model, tmp_path / "work", "Which mention invoices?")

    assert result.output == "One file mentions invoices: a.txt."
    assert (tmp_path / "work" / "report.txt").read_text() == "a.txt"
    assert not (tmp_path / "escaped.txt").exists()


def test_the_task_answers_as_a_program(tmp_path: Path, python: list[str]) -> None:
    """With the sandbox; without arguments it prints its usage."""
    (tmp_path / "a.txt").write_text("invoice 42")

    done = start(python, "task", str(tmp_path), "Which files mention invoice?")

    assert done.returncode == 0, done.stderr
    assert "a.txt" in done.stdout
    assert "done: search_files" in done.stderr
    assert "Run: python" in start(python, "task").stderr


@asynccontextmanager
async def client_of(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client of an app in this process, within the app's lifespan."""
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://localhost"
        ) as client,
    ):
        yield client


async def test_the_service_streams_an_answer() -> None:
    """Mounted in FastAPI, which keeps its own routes."""
    model = ScriptedModel(
        AssistantMessage(tool_calls=[tool_call("calculate", expression="6*7")]), "It is 42."
    )
    with anyio.fail_after(60):
        async with client_of(load("service").build_app(model)) as client:
            answer = await client.post(CHAT, json={**request("What is 6 * 7?"), "stream": True})
            home = await client.get("/")
            page = await client.get("/agents/")

    chunks = [json.loads(line[6:]) for line in answer.text.splitlines()[:-2] if line]
    texts = [chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks]
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "".join(texts) == "It is 42."
    assert [chunk["agentkit"]["event"] for chunk in chunks if "agentkit" in chunk] == [
        "tool_call_started", "tool_call_finished",
    ]  # fmt: skip
    assert home.json() == {"agents": "/agents/"}
    assert page.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("question", "status", "error"),
    [("hi", 502, "No way there."), ("", 400, "empty")],
    ids=["a provider that is gone", "no question"],
)
async def test_the_service_reports_a_failure(question: str, status: int, error: str) -> None:
    """With its status."""
    model = ScriptedModel(TransportError("No way there.", kind="connection"))
    with anyio.fail_after(60):
        async with client_of(load("service").build_app(model)) as client:
            answer = await client.post(CHAT, json=request(question))

    assert answer.status_code == status
    assert error in answer.json()["error"]["message"]


def request(question: str) -> dict[str, Any]:
    """Return a request in the OpenAI chat format."""
    return {"model": "assistant", "messages": [{"role": "user", "content": question}]}


@pytest.mark.parametrize(
    ("decision", "outcome"),
    [("y", "Order 7 was refunded."), ("n", "refused")],
    ids=["allowed", "denied"],
)
def test_the_support_bot_asks_before_a_refund(
    decision: str, outcome: str, python: list[str]
) -> None:
    """As a program, with the sandbox."""
    done = start(python, "support", stdin=f"{decision}\n")

    assert done.returncode == 0, done.stderr
    assert 'Run refund_order({"order": 7})? [y/n]' in done.stdout
    assert outcome in done.stdout


@pytest.mark.parametrize("name", ["analyst", "coder"])
def test_a_recorded_run_is_as_the_readme_shows_it(name: str, python: list[str]) -> None:
    """The model is scripted; the results of the tools are real."""
    done = start(python, "recorded_run", name)

    assert done.returncode == 0, done.stderr
    assert done.stdout in (EXAMPLES.parent / "README.md").read_text()
