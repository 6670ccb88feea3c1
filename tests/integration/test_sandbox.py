"""Whole runs of an agent over the sandbox: real sockets, real dialect, real tools."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import anyio
import pytest
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.protocol.instruct.validator import (
    MistralRequestValidatorV3,
    ValidationMode,
)

from agentkit.agent.agent import Agent
from agentkit.agent.result import RunResult
from agentkit.message import AssistantMessage, ToolResult
from agentkit.sandbox import Sandbox, sandbox
from agentkit.testing import ManualClock
from agentkit.tools.tool import Tool, tool
from agentkit_tools.calculator import TOOLS as CALCULATOR
from agentkit_tools.clock import build_tools
from agentkit_tools.files import files
from agentkit_tools.units import TOOLS as UNITS

QUESTIONS: list[tuple[str, list[str], str]] = [
    (
        "What is 12.5% of 640, plus the square root of 1764?",
        ["calculate"],
        "12.5% of 640 plus the square root of 1764 is 122.",
    ),
    (
        "What time is it in Tokyo?",
        ["current_time"],
        "In Tokyo it is Monday 2024-01-01 09:00:00 (Asia/Tokyo, UTC+09:00).",
    ),
    (
        "How many kilometres are 26.2 miles?",
        ["convert_units"],
        "26.2 miles is 42.1648128 kilometres.",
    ),
    (
        "What is in the file notes.txt?",
        ["read_file"],
        "notes.txt says:\nBuy milk.\nPay the invoices.",
    ),
    ("Which files mention invoices?", ["search_files"], "'invoices' is in:\nnotes.txt:2"),
    (
        "What is 15% of 80 and what time is it in Lima?",
        ["calculate", "current_time"],
        "15% of 80 is 12. In Lima it is Sunday 2023-12-31 19:00:00",
    ),
    ("Tell me a joke", [], "not a language model"),
]


@pytest.fixture
def tools(tmp_path: Path) -> Sequence[Tool]:
    """Return the ready-made tools, over two small files and a clock that does not advance."""
    (tmp_path / "notes.txt").write_text("Buy milk.\nPay the invoices.\n")
    (tmp_path / "other.txt").write_text("Nothing here.\n")
    clock = ManualClock()
    of_folder = files(tmp_path, allow_write=True, approval="allow")
    return [*CALCULATOR, *build_tools(clock), *UNITS, *of_folder]


def _agent(running: Sandbox, tools: Sequence[Any], **more: Any) -> Agent:
    return Agent("sandbox:mixtral-8x22b", tools=tools, base_url=running.base_url, **more)


def _called(result: RunResult) -> list[str]:
    return [
        call.name
        for message in result.history
        if isinstance(message, AssistantMessage)
        for call in message.tool_calls
    ]


async def _run_streamed(agent: Agent, question: str) -> RunResult:
    async with agent.stream(question) as run:
        async for _ in run:
            pass
        return run.result


@pytest.mark.parametrize(
    ("question", "called", "said"), QUESTIONS, ids=[q for q, _, _ in QUESTIONS]
)
async def test_complete_and_streamed_answers_are_the_same(
    question: str, called: list[str], said: str, tools: Sequence[Tool]
) -> None:
    """The same calls, the same history, down to the ids."""
    with anyio.fail_after(60):
        async with sandbox() as running:
            agent = _agent(running, tools, instructions="Be brief.")
            complete = await agent.run(question)
            streamed = await _run_streamed(agent, question)

    assert _called(complete) == called
    assert said in complete.output
    assert streamed.history == complete.history
    assert streamed.usage == complete.usage
    assert len(complete.history) == 2 + (1 + len(called) if called else 0)


def test_both_event_loops_give_one_history(tools: Sequence[Tool]) -> None:
    """In a real run of each."""

    async def run() -> RunResult:
        async with sandbox() as running:
            return await _agent(running, tools).run("What is 15% of 80 and what is 2 + 2?")

    first, second = (anyio.run(run, backend=name) for name in ("asyncio", "trio"))

    assert first.history == second.history


def _check_with_oracle(running: Sandbox) -> int:
    """Let Mistral's own validator look at every chat that was sent; return how many."""
    validator: Any = MistralRequestValidatorV3(mode=ValidationMode.serving)
    for body in running.chats:
        assert isinstance(body, dict)
        known = {
            k: v for k, v in body.items() if k in {"model", "messages", "tools", "tool_choice"}
        }
        validator.validate_request(ChatCompletionRequest.model_validate(known))
    return len(running.chats)


async def test_every_request_of_a_long_conversation_is_one_that_mistral_accepts(
    tools: Sequence[Tool],
) -> None:
    """Several turns of several calls, errors and forced choices among them."""
    questions = [question for question, _, _ in QUESTIONS] + [
        "What time is it in Tokio?",
        "What time is it in Lima?",
        "What is 5 / 0?",
        "What is 1 + 1? What is 2 + 2? What is 3 + 3?",
    ]
    with anyio.fail_after(60):
        async with sandbox() as running:
            agent = _agent(running, tools)
            result = await agent.run(questions[0])
            for question in questions[1:]:
                result = await agent.run(question, history=result.history)
            forced = await agent.run("What is 7 * 6?", tool_choice="calculate")
            sent = _check_with_oracle(running)

    assert sent >= 2 * len(questions) - 2
    assert result.output == "1 + 1 is 2. 2 + 2 is 4. 3 + 3 is 6."
    assert forced.output == "7 \u00d7 6 is 42."
    calls = list(
        chain.from_iterable(m.tool_calls for m in result.history if isinstance(m, AssistantMessage))
    )
    answered = [m.call_id for m in result.history if isinstance(m, ToolResult)]
    assert sorted(answered) == sorted(call.id for call in calls)


async def test_a_failed_call_is_repaired_once_by_what_its_error_says(tools: Sequence[Tool]) -> None:
    """The tool names the zone it meant."""
    with anyio.fail_after(60):
        async with sandbox() as running:
            result = await _agent(running, tools).run("What time is it in Tokio?")

    assert _called(result) == ["current_time", "current_time"]
    assert result.output.startswith("In Asia/Tokyo it is Monday 2024-01-01 09:00:00 (Asia/Tokyo")


async def test_any_tool_will_do() -> None:
    """One that was never seen before."""

    @tool(read_only=True)
    async def get_weather(city: str, unit: str = "celsius") -> dict[str, object]:
        """Get the weather in a city.

        Args:
            city: name of the city.
            unit: celsius or fahrenheit.
        """
        return {"city": city, "degrees": 20, "unit": unit}

    with anyio.fail_after(60):
        async with sandbox() as running:
            agent = _agent(running, [get_weather])
            result = await agent.run("What is the weather in Paris and in Tokyo?")

    assert _called(result) == ["get_weather", "get_weather"]
    assert "city Paris, degrees 20" in result.output
    assert "city Tokyo, degrees 20" in result.output


async def test_many_runs_at_once_share_one_sandbox(tools: Sequence[Tool]) -> None:
    """Nothing is kept between them."""
    outputs: dict[int, str] = {}

    async def run(agent: Agent, number: int) -> None:
        outputs[number] = (await agent.run(f"What is {number} * {number}?")).output

    with anyio.fail_after(60):
        async with (
            sandbox() as running,
            _agent(running, tools) as agent,
            anyio.create_task_group() as tasks,
        ):
            for number in range(20):
                tasks.start_soon(run, agent, number)

    assert outputs == {n: f"{n} \u00d7 {n} is {n * n}." for n in range(20)}
