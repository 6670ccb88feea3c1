"""Runs with llama.cpp's server whose answers are cut by the token limit, anywhere.

The server returns the part of the call that was generated: as a call, as one without arguments, as
text, or complete; only its finish reason differs. Wherever the cut is, the call does not run, no
part of it is emitted, and the error names the remedy. The request is not retried: the same limit
would cut it again.
"""

from typing import Any

import anyio
import pytest

from agentkit import Agent, ModelSettings, ProviderError, RunEvent, tool
from agentkit.message import AssistantMessage

model = pytest.importorskip("tests.local.tiny_mixtral")

QUESTION = "What is the weather?"
FORMS = ("llamacpp", "llamacpp-anthropic", "llamacpp-completions")


async def run(
    base_url: str, form: str, *, max_tokens: int | None, stream: bool, choice: str
) -> tuple[list[str], list[RunEvent], Any]:
    """Return the cities of the calls that ran, the events, and the result or the error."""
    cities: list[str] = []
    events: list[RunEvent] = []

    @tool
    def get_weather(city: str = "nowhere") -> str:
        """Return the weather; a cut call must not use the default."""
        cities.append(city)
        return "21 degrees"

    settings = ModelSettings(max_tokens=max_tokens, temperature=0)
    agent: Agent[None] = Agent(
        f"{form}:mixtral-8x22b", tools=[get_weather], settings=settings, base_url=base_url
    )
    try:
        with anyio.fail_after(60):
            if not stream:
                return cities, events, await agent.run(QUESTION, tool_choice=choice)
            async with agent.stream(QUESTION, tool_choice=choice) as running:
                events += [event async for event in running]
            return cities, events, running.result
    except ProviderError as error:
        return cities, events, error


@pytest.mark.parametrize("choice", ["auto", "get_weather"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("form", FORMS)
async def test_a_call_that_the_limit_cut_is_never_run(
    base_url: str, form: str, stream: bool, choice: str
) -> None:
    """Whether in its marker, name or arguments; with one more token than it needs it runs."""
    cities, events, full = await run(base_url, form, max_tokens=None, stream=True, choice=choice)
    assert (cities, full.output) == (["London"], model.ANSWER)
    needed = next(event for event in events if event.type == "model_responded").usage.output_tokens

    for max_tokens in (1, 2, 3, needed // 2, needed - 1):
        cities, events, error = await run(
            base_url, form, max_tokens=max_tokens, stream=stream, choice=choice
        )
        assert cities == [], max_tokens
        assert isinstance(error, ProviderError), (max_tokens, error)
        assert (error.kind, error.retry) == ("truncated", "change"), max_tokens
        assert "allow more tokens" in str(error)
        assert {event.type for event in events} <= {"run_started", "turn_started"}, max_tokens

    cities, _, result = await run(
        base_url, form, max_tokens=needed + 1, stream=stream, choice=choice
    )
    assert (cities, result.output) == (["London"], model.ANSWER)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("form", FORMS)
async def test_a_text_that_the_limit_cut_is_reported_as_cut(
    base_url: str, form: str, stream: bool
) -> None:
    """An incomplete answer may be useful; it is not presented as a complete one."""
    settings = ModelSettings(max_tokens=3)
    agent: Agent[None] = Agent(f"{form}:mixtral-8x22b", settings=settings, base_url=base_url)

    with anyio.fail_after(60):
        if stream:
            async with agent.stream(QUESTION) as running:
                shown = [event.text async for event in running if event.type == "text_received"]
            result = running.result
            assert "".join(shown) == result.output
        else:
            result = await agent.run(QUESTION)

    (_, answer) = result.history
    assert isinstance(answer, AssistantMessage)
    assert result.stop_reason == "length"
    assert model.ANSWER_WITHOUT_TOOLS.startswith(result.output.strip())
    assert result.output.strip() not in ("", model.ANSWER_WITHOUT_TOOLS)
