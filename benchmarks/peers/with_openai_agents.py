"""openai-agents, as one writes it for an OpenAI-compatible provider."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from openai import AsyncOpenAI

from agents import (
    Agent,
    OpenAIChatCompletionsModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from benchmarks.case import PROMPT, Case
from benchmarks.question import Question


@asynccontextmanager
async def opened(case: Case, url: str) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """Yield a run."""
    set_tracing_disabled(disabled=True)
    async with AsyncOpenAI(base_url=url, api_key="none") as client:
        agent = Agent(
            name="agent",
            model=OpenAIChatCompletionsModel(model="m", openai_client=client),
            tools=[
                function_tool(each, name_override=name) for name, each in case.functions().items()
            ],
        )

        async def run() -> str:
            turns = case.calls + 1
            if not case.deltas:
                return str((await Runner.run(agent, PROMPT, max_turns=turns)).final_output)
            streamed = Runner.run_streamed(agent, PROMPT, max_turns=turns)
            async for _ in streamed.stream_events():
                pass
            return str(streamed.final_output)

        yield run


async def ask(question: Question) -> str:
    """Return the answer to a question."""
    set_tracing_disabled(disabled=True)
    async with AsyncOpenAI(
        base_url=question.url, api_key="none", timeout=question.timeout_seconds
    ) as client:
        agent = Agent(
            name="agent",
            model=OpenAIChatCompletionsModel(model="m", openai_client=client),
            tools=[function_tool(question.tool())],
        )
        if not question.is_streamed:
            return str((await Runner.run(agent, question.prompt)).final_output)
        streamed = Runner.run_streamed(agent, question.prompt)
        async for _ in streamed.stream_events():
            pass
        return str(streamed.final_output)
