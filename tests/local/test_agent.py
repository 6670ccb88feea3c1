"""The whole loop against llama.cpp's server: question, tool, answer.

Ids of 32 characters come from the server and are sent back to it as nine; what it does otherwise
is told in `test_server_openai.py`.
"""

from pathlib import Path
from typing import Any

import anyio
import pytest

from agentkit import Agent, tool
from agentkit.history import History
from agentkit.message import AssistantMessage, ToolResult, UserMessage

model = pytest.importorskip("tests.local.tiny_mixtral")

MODEL = "openai-compatible:mixtral-8x22b"


@tool(read_only=True)
def get_weather(city: str) -> str:
    """Tell the weather.

    Args:
        city: where.
    """
    return f"21 degrees in {city}"


def told(history: History) -> list[Any]:
    """Return what was said and done, without the ids, which are new each time."""
    return [
        [(call.name, call.arguments) for call in message.tool_calls] or message.text
        if isinstance(message, AssistantMessage)
        else ("result", message.is_error)
        if isinstance(message, ToolResult)
        else message.text
        for message in history.messages
    ]


QUESTION_AND_ANSWER = [
    "What is the weather?",
    [("get_weather", '{"city":"London"}')],
    ("result", False),
    model.ANSWER,
]


async def test_the_loop_runs_the_tool_and_ends_in_the_answer(base_url: str) -> None:
    """And goes on from there with another question."""
    with anyio.fail_after(30):
        agent: Agent[None] = Agent(MODEL, tools=[get_weather], base_url=base_url)
        async with agent:
            first = await agent.run("What is the weather?")
            second = await agent.run(first.history.add(UserMessage.of("What is the weather?")))

    assert told(first.history) == QUESTION_AND_ANSWER
    assert told(second.history) == QUESTION_AND_ANSWER * 2
    assert (first.output, first.turns, first.stop_reason) == (model.ANSWER, 2, "answered")


async def test_a_streamed_run_has_the_same_history(base_url: str) -> None:
    """No text is shown but that of the answer."""
    shown = ""

    with anyio.fail_after(30):
        agent: Agent[None] = Agent(MODEL, tools=[get_weather], base_url=base_url)
        async with agent.stream("What is the weather?") as run:
            async for event in run:
                shown += event.text if event.type == "text_received" else ""

    assert told(run.result.history) == QUESTION_AND_ANSWER
    assert shown == model.ANSWER


async def test_without_tools_it_answers_at_once(base_url: str) -> None:
    """One turn."""
    with anyio.fail_after(30):
        result = await Agent(MODEL, base_url=base_url).run("What is the weather?")

    assert (result.output.strip(), result.turns) == (model.ANSWER_WITHOUT_TOOLS, 1)


@pytest.mark.usefixtures("own_catalog")
async def test_a_path_is_a_model_that_is_served_for_as_long_as_it_is_open(
    weights: Path,
) -> None:
    """Nothing else is needed than `local:PATH.gguf`."""
    with anyio.fail_after(30):
        result = await Agent(f"local:{weights}", tools=[get_weather]).run("What is the weather?")

    assert told(result.history) == QUESTION_AND_ANSWER
    assert result.model == f"local:{weights}"


@pytest.fixture
def own_catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a user's own catalog that changes only how the weights are served."""
    pytest.importorskip("xllamacpp")
    path = tmp_path / "catalog.toml"
    path.write_text("[local]\nlauncher = 'tests.local.one_thread:launch_with_one_thread'\n")
    monkeypatch.setenv("AGENTKIT_CATALOG", str(path))
