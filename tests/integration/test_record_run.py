"""A whole run, recorded against the sandbox and replayed without it."""

from pathlib import Path

import anyio
import pytest

from agentkit.agent.agent import Agent
from agentkit.agent.result import RunResult
from agentkit.recording.pytest_plugin import recorded_model
from agentkit.recording.record_replay import Recorder, RecordMode, open_recording
from agentkit.recording.recording import RecordedResponse
from agentkit.tools.tool import tool

MODEL = "sandbox:mixtral-8x22b"
PROMPT = "What is 12.5% of 640, plus the square root of 1764?"


@tool(read_only=True)
def calculate(expression: str) -> str:
    """Work out an arithmetic expression.

    Args:
        expression: the arithmetic expression.
    """
    return f"{expression} = 122"


async def run(recorder: Recorder, *, stream: bool) -> RunResult:
    """Run the agent through the recording."""
    agent: Agent[None] = Agent(recorded_model(MODEL, recorder), tools=[calculate])
    with anyio.fail_after(60):
        if not stream:
            return await agent.run(PROMPT)
        async with agent.stream(PROMPT) as running:
            async for _ in running:
                pass
            return running.result


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_recorded_run_replays_to_the_same_history(tmp_path: Path, *, stream: bool) -> None:
    """Offline, with no server started, and as often as one likes."""
    path = tmp_path / "run.toml"
    with open_recording(path, mode="record") as recorder:
        first = await run(recorder, stream=stream)
        chunks = _chunks(recorder)

    for _ in range(2):
        with open_recording(path) as recorder:
            again = await run(recorder, stream=stream)
            assert _chunks(recorder) == chunks
        assert again.history.to_json() == first.history.to_json()
        assert (again.output, again.usage) == (first.output, first.usage)

    assert first.turns == 2
    assert len(chunks) >= first.turns


@pytest.mark.parametrize("mode", ["off", "new"])
async def test_the_provider_is_called_if_there_is_no_recording(
    tmp_path: Path, mode: RecordMode
) -> None:
    """The sandbox starts as it does without a recorder."""
    with open_recording(tmp_path / "run.toml", mode=mode) as recorder:
        result = await run(recorder, stream=False)

    assert "122" in result.output


def _chunks(recorder: Recorder) -> list[tuple[bytes, ...]]:
    """Return the bodies in the recording, cut as they came."""
    outcomes = [exchange.outcome for exchange in recorder.exchanges]
    return [outcome.chunks for outcome in outcomes if isinstance(outcome, RecordedResponse)]
