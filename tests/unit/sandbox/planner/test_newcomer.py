"""The questions of a newcomer, through an agent, the sandbox and the real tools: none wrong."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agentkit import Agent, tool
from agentkit.message import AssistantMessage
from agentkit.sandbox import sandbox
from agentkit.testing import ManualClock
from agentkit_tools.calculator import TOOLS as CALCULATOR
from agentkit_tools.clock import build_tools
from agentkit_tools.files import files
from agentkit_tools.units import TOOLS as UNITS
from tests.unit.sandbox.planner.newcomer_questions import ANSWERABLE, NOT_ANSWERABLE

pytestmark = pytest.mark.anyio


@tool(read_only=True)
def get_weather(location: str) -> str:
    """Return the current weather.

    Args:
        location: the city.
    """
    return "rain" if location == "Oslo" else "sun"


OF_FILES = ("read_file", "list_files", "search_files", "write_file")


@asynccontextmanager
async def _newcomers_agent(folder: Path) -> AsyncIterator[Agent]:
    (folder / "notes.txt").write_text("Buy milk.\nPay the invoices.\n")
    (folder / "todo.md").write_text("Call Ann.\n")
    clock = ManualClock(datetime(2026, 11, 21, 10, tzinfo=UTC))
    offered = files(folder, allow_write=True, approval="allow")
    of_folder = [each for each in offered if each.name in OF_FILES]
    own = [*CALCULATOR, *build_tools(clock), *UNITS, *of_folder]
    async with sandbox(clock=clock) as server:
        yield Agent("sandbox:mixtral-8x22b", tools=[*own, get_weather], base_url=server.base_url)


def _list(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def _ask(agent: Agent, question: str) -> tuple[str, int]:
    result = await agent.run(question)
    messages = [one for one in result.history if isinstance(one, AssistantMessage)]
    return result.output, sum(len(one.tool_calls) for one in messages)


def test_there_are_a_hundred_questions_and_half_cannot_be_answered() -> None:
    """None of them twice."""
    questions = [question for question, _ in ANSWERABLE]

    assert len(NOT_ANSWERABLE) == len(questions) == 50
    assert len({*questions, *NOT_ANSWERABLE}) == 100


async def test_no_answer_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A question is answered right, or the answer says what it does not understand.

    The share that is answered is printed.
    """
    right, wrong = 0, []
    async with _newcomers_agent(tmp_path) as agent:
        for question, expected in ANSWERABLE:
            answer, calls = await _ask(agent, question)
            is_right = all(text in answer for text in expected)
            right += is_right
            if calls and not is_right:
                wrong.append((question, answer))
        for question in NOT_ANSWERABLE:
            answer, calls = await _ask(agent, question)
            if calls or "not a language model" not in answer:
                wrong.append((question, answer))
    with capsys.disabled():
        sys.stdout.write(f"\n{right} of {len(ANSWERABLE)} answerable questions answered\n")

    assert wrong == []
    assert right >= 45


@pytest.mark.parametrize("question", NOT_ANSWERABLE)
async def test_a_refusal_says_what_was_not_understood(question: str, tmp_path: Path) -> None:
    """It calls no tool."""
    async with _newcomers_agent(tmp_path) as agent:
        answer, calls = await _ask(agent, question)

    reasons = ("It does not understand: ", "does not give what the tool")
    assert calls == 0
    assert any(one in answer for one in reasons)
    assert _list(tmp_path) == ["notes.txt", "todo.md"]


@pytest.mark.parametrize(("question", "expected"), ANSWERABLE)
async def test_an_answer_holds_what_was_asked_for(
    question: str, expected: tuple[str, ...], tmp_path: Path
) -> None:
    """As a sentence."""
    async with _newcomers_agent(tmp_path) as agent:
        answer, calls = await _ask(agent, question)

    assert calls
    assert [text for text in expected if text not in answer] == []
