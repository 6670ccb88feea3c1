"""Runs against a sandbox in another process."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial

import anyio
import pytest

from agentkit import Agent, History, ToolResult, tool
from agentkit.message import AssistantMessage

QUESTION = "What is 12.5% of 640, and what is the weather in Paris and in Tokyo?"


@tool(read_only=True)
def calculate(expression: str) -> float:
    """Work out an arithmetic expression.

    Args:
        expression: the arithmetic expression, e.g. 2 * (3 + 4).
    """
    return float(len(expression))


@tool(read_only=True)
async def get_weather(city: str) -> str:
    """Return the weather in a city.

    Args:
        city: name of the city.
    """
    return f"It is sunny in {city}."


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    """Start `agentkit sandbox` as a program, and stop it with Ctrl-C."""
    with subprocess.Popen(
        [sys.executable, "-m", "agentkit", "sandbox"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0


async def _run(base_url: str, *, stream: bool) -> History:
    """Make one run with two tools, streamed or not."""
    agent: Agent[None] = Agent(
        "sandbox:mixtral-8x22b", base_url=base_url, tools=[calculate, get_weather]
    )
    with anyio.fail_after(60):
        if not stream:
            return (await agent.run(QUESTION)).history
        async with agent.stream(QUESTION) as run:
            async for _ in run:
                pass
        return run.result.history


def test_streamed_or_not_and_on_both_event_loops_the_history_is_the_same(base_url: str) -> None:
    """The transport does not affect the conversation."""
    histories = [
        anyio.run(partial(_run, base_url, stream=stream), backend=backend)
        for backend in ("asyncio", "trio")
        for stream in (False, True)
    ]

    first = histories[0]
    assert isinstance(first[1], AssistantMessage)
    assert [call.name for call in first[1].tool_calls].count("get_weather") == 2
    assert {m.text for m in first if isinstance(m, ToolResult)} >= {
        "It is sunny in Paris.",
        "It is sunny in Tokyo.",
    }
    assert all(history == first for history in histories)
    assert len({history.to_json() for history in histories}) == 1
