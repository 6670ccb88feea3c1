"""Approvals in `agentkit run` and `agentkit chat`."""

import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from agentkit import History, ToolResult
from agentkit.cli.agent_builder import AgentSelection
from agentkit.cli.approval_prompt import ApproveMode
from agentkit.cli.commands.chat import run_chat
from agentkit.cli.commands.run import RunRequest, run_question
from agentkit.cli.exit_codes import LIMIT_REACHED, OK, SUSPENDED

TOOLS = '''
from pathlib import Path
from agentkit import tool

@tool(approval="ask")
def write_note(text: str) -> str:
    """Write a note.

    Args:
        text: what to write.
    """
    Path(__file__).with_name("note.txt").write_text(text)
    return "written"
'''

AGENT = """
from agentkit import Agent
from agentkit.testing.scripted import ScriptedModel, tool_call
from notes import write_note

asked = tool_call("write_note", text="hi")
agent = Agent(ScriptedModel(asked, "First.", "Second."), tools=[write_note])
"""


@pytest.fixture
def selection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AgentSelection:
    """Return an agent whose tool needs approval."""
    (tmp_path / "notes.py").write_text(TOOLS)
    (tmp_path / "mine.py").write_text(AGENT)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "notes", raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO("go\nand now?\n"))
    return AgentSelection(agent=f"{tmp_path / 'mine.py'}:agent")


def test_without_a_terminal_a_run_says_what_it_waits_for(
    selection: AgentSelection, capsys: pytest.CaptureFixture[str]
) -> None:
    """And ends with a code of its own."""
    assert run_question(RunRequest(question="go", selection=selection)) == SUSPENDED

    shown = capsys.readouterr()
    assert 'write_note(text="hi") needs approval.' in shown.err
    assert "--approve allow" in shown.err
    assert shown.out == ""


def test_a_suspension_is_in_the_json(
    selection: AgentSelection, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the reason why the run stopped; the open call is the model's last."""
    assert run_question(RunRequest(question="go", selection=selection, as_json=True)) == SUSPENDED

    events = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
    assert events[-1]["stop_reason"] == "suspended"
    (responded,) = [one for one in events if one["type"] == "model_responded"]
    assert [call["name"] for call in responded["message"]["tool_calls"]] == ["write_note"]


@pytest.mark.parametrize(
    ("mode", "is_written"), [(ApproveMode.ALLOW, True), (ApproveMode.DENY, False)]
)
def test_calls_of_a_run_may_be_approved_in_advance(
    mode: ApproveMode, is_written: bool, selection: AgentSelection, tmp_path: Path
) -> None:
    """For all calls that need approval."""
    assert run_question(RunRequest(question="go", selection=selection, approve=mode)) == OK

    assert (tmp_path / "note.txt").exists() == is_written


def test_a_run_at_a_limit_ends_with_another_code(selection: AgentSelection) -> None:
    """It is not suspended."""
    limited = replace(selection, max_turns=1)
    question = RunRequest(question="-", selection=limited, approve=ApproveMode.ALLOW)

    assert run_question(question) == LIMIT_REACHED


def test_a_chat_goes_on_after_a_call_that_no_one_approved(
    selection: AgentSelection,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The conversation is consistent: the call was denied."""
    stored = tmp_path / "talk.json"
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"go\nand now?\n/save {stored}\n"))

    assert run_chat(selection) == OK

    history = History.from_json(stored.read_text())
    assert [message.role for message in history] == [
        "user", "assistant", "tool", "assistant", "user", "assistant",
    ]  # fmt: skip
    denied = ToolResult("call00001", "Not run: there was no one to approve it.", is_error=True)
    assert history[2] == denied
    shown = capsys.readouterr()
    assert 'write_note(text="hi") needs approval.' in shown.err
    assert shown.out == "First.\n"
    assert not (tmp_path / "note.txt").exists()


def test_calls_of_a_chat_may_be_approved_in_advance(
    selection: AgentSelection, tmp_path: Path
) -> None:
    """As a run may."""
    assert run_chat(selection, approve=ApproveMode.ALLOW) == OK

    assert (tmp_path / "note.txt").read_text() == "hi"
