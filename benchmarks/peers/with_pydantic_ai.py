"""pydantic-ai, as one writes it for an OpenAI-compatible provider."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from pydantic_ai import Agent, Tool, UsageLimits
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from benchmarks.case import PROMPT, Case
from benchmarks.question import Question, UnsuccessfulError


@asynccontextmanager
async def opened(case: Case, url: str) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """Yield a run."""
    model = OpenAIChatModel("m", provider=OpenAIProvider(base_url=url, api_key="none"))
    agent = Agent(model, tools=[Tool(each, name=name) for name, each in case.functions().items()])
    limits = UsageLimits(request_limit=None)

    async def run() -> str:
        if not case.deltas:
            return (await agent.run(PROMPT, usage_limits=limits)).output
        output = ""
        async with agent.run_stream(PROMPT, usage_limits=limits) as stream:
            async for text in stream.stream_text(delta=True, debounce_by=None):
                output += text
        return output

    yield run


async def ask(question: Question) -> str:
    """Return the answer to a question."""
    model = OpenAIChatModel("m", provider=OpenAIProvider(base_url=question.url, api_key="none"))
    agent = Agent(
        model, tools=[question.tool()], model_settings={"timeout": question.timeout_seconds}
    )
    if not question.is_streamed:
        result = await agent.run(question.prompt)
        _check(result.response.finish_reason)
        return str(result.output)
    text = ""
    async with agent.run_stream(question.prompt) as stream:
        async for piece in stream.stream_text(delta=True):
            text += piece
        _check(stream.response.finish_reason)
    return text


def _check(finish_reason: str | None) -> None:
    """Raise an error if the answer reports that it was cut."""
    if finish_reason == "length":
        raise UnsuccessfulError("finish_reason is length")
