"""The questions of a newcomer, through an agent, the sandbox and the real tools: none wrong."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest

from agentkit import Agent, tool
from agentkit.message import AssistantMessage
from agentkit.sandbox import sandbox
from agentkit.testing import ManualClock
from agentkit_tools.calculator import TOOLS as CALCULATOR
from agentkit_tools.clock import build_tools
from agentkit_tools.files import files
from agentkit_tools.units import TOOLS as UNITS
from tests.case_group import case_group
from tests.unit.sandbox.planner.newcomer_questions import ANSWERABLE, NOT_ANSWERABLE


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


@dataclass(frozen=True, slots=True)
class Asked:
    """One question's answer.

    Attributes:
        calls: how many tool calls were made.
        files: what the folder holds afterwards.
    """

    answer: str
    calls: int
    files: list[str]


def _list(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def _ask_all(folder: Path) -> dict[str, Asked]:
    asked = {}
    async with _newcomers_agent(folder) as agent:
        for question in (*NOT_ANSWERABLE, *(question for question, _ in ANSWERABLE)):
            result = await agent.run(question)
            messages = [one for one in result.history if isinstance(one, AssistantMessage)]
            calls = sum(len(one.tool_calls) for one in messages)
            asked[question] = Asked(result.output, calls, _list(folder))
    return asked


@pytest.fixture(scope="module", params=["asyncio", "trio"])
def asked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Asked]:
    """Ask all questions, each in a conversation of its own."""
    folder = tmp_path_factory.mktemp("newcomer")
    return anyio.run(_ask_all, folder, backend=request.param)


def test_there_are_a_hundred_questions_and_half_cannot_be_answered() -> None:
    """None of them twice."""
    questions = [question for question, _ in ANSWERABLE]

    assert len(NOT_ANSWERABLE) == len(questions) == 50
    assert len({*questions, *NOT_ANSWERABLE}) == 100


def test_no_answer_is_wrong(asked: dict[str, Asked], capsys: pytest.CaptureFixture[str]) -> None:
    """A question is answered right, or the answer says what it does not understand.

    The share that is answered is printed.
    """
    right, wrong = 0, []
    for question, expected in ANSWERABLE:
        answer, calls = asked[question].answer, asked[question].calls
        is_right = all(text in answer for text in expected)
        right += is_right
        if calls and not is_right:
            wrong.append((question, answer))
    for question in NOT_ANSWERABLE:
        answer, calls = asked[question].answer, asked[question].calls
        if calls or "not a language model" not in answer:
            wrong.append((question, answer))
    with capsys.disabled():
        sys.stdout.write(f"\n{right} of {len(ANSWERABLE)} answerable questions answered\n")

    assert wrong == []
    assert right >= 45


def test_a_refusal_says_what_was_not_understood(asked: dict[str, Asked]) -> None:
    """It calls no tool."""
    reasons = ("It does not understand: ", "does not give what the tool")
    with case_group() as case:
        for question in NOT_ANSWERABLE:
            with case(question):
                assert asked[question].calls == 0
                assert any(one in asked[question].answer for one in reasons)
                assert asked[question].files == ["notes.txt", "todo.md"]


def test_an_answer_holds_what_was_asked_for(asked: dict[str, Asked]) -> None:
    """As a sentence."""
    with case_group() as case:
        for question, expected in ANSWERABLE:
            with case(question):
                assert asked[question].calls
                assert [text for text in expected if text not in asked[question].answer] == []
