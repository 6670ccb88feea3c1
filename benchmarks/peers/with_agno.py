"""agno, as one writes it for an OpenAI-compatible provider."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from agno.agent import Agent
from agno.models.openai.like import OpenAILike
from agno.tools.function import Function

from benchmarks.case import PROMPT, Case


@asynccontextmanager
async def opened(case: Case, url: str) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """Yield a run."""
    agent = Agent(
        model=OpenAILike(id="m", base_url=url, api_key="none"),
        tools=[Function.from_callable(each, name=name) for name, each in case.functions().items()],
        telemetry=False,
    )

    async def run() -> str:
        if not case.deltas:
            return str((await agent.arun(PROMPT)).content)
        text = ""
        async for event in agent.arun(PROMPT, stream=True):
            text += str(getattr(event, "content", None) or "")
        return text

    yield run
