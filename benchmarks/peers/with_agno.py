"""agno, as one writes it for an OpenAI-compatible provider."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from agno.agent import Agent
from agno.models.openai.like import OpenAILike
from agno.run.agent import RunErrorEvent
from agno.run.base import RunStatus
from agno.tools.function import Function

from benchmarks.case import PROMPT, Case
from benchmarks.question import Question, UnsuccessfulError


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


async def ask(question: Question) -> str:
    """Return the answer to a question."""
    model = OpenAILike(
        id="m", base_url=question.url, api_key="none", timeout=question.timeout_seconds
    )
    agent = Agent(model=model, tools=[question.tool()], telemetry=False)
    if not question.is_streamed:
        result = await agent.arun(question.prompt)
    else:
        text, result = "", None
        async for event in agent.arun(question.prompt, stream=True, yield_run_output=True):
            result = event
            if isinstance(event, RunErrorEvent):
                raise UnsuccessfulError(str(event.content))
            if event.__class__.__name__ == "RunContentEvent":
                text += str(event.content or "")
    if result is not None and getattr(result, "status", None) == RunStatus.error:
        raise UnsuccessfulError(str(result.content))
    return text if question.is_streamed else str(result.content)
