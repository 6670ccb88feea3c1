"""agent-framework, as one writes it for an OpenAI-compatible provider."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from agent_framework import Agent, FunctionTool
from agent_framework.openai import OpenAIChatCompletionClient
from openai import AsyncOpenAI

from benchmarks.case import PROMPT, Case
from benchmarks.question import Question, UnsuccessfulError


@asynccontextmanager
async def opened(case: Case, url: str) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """Yield a run."""
    client = OpenAIChatCompletionClient(
        model="m",
        base_url=url,
        api_key="none",
        function_invocation_configuration={"max_iterations": case.calls + 1},
    )
    tools = [
        FunctionTool(name=name, description=each.__doc__ or "", func=each)
        for name, each in case.functions().items()
    ]
    agent = Agent(client, tools=tools)

    async def run() -> str:
        if not case.deltas:
            return (await agent.run(PROMPT)).text
        text = ""
        async for update in agent.run(PROMPT, stream=True):
            text += update.text
        return text

    yield run


async def ask(question: Question) -> str:
    """Return the answer to a question."""
    async with AsyncOpenAI(
        base_url=question.url, api_key="none", timeout=question.timeout_seconds
    ) as openai:
        agent = Agent(
            OpenAIChatCompletionClient(model="m", async_client=openai), tools=[question.tool()]
        )
        if not question.is_streamed:
            response = await agent.run(question.prompt)
        else:
            stream = agent.run(question.prompt, stream=True)
            async for _ in stream:
                pass
            response = await stream.get_final_response()
        if response.finish_reason == "length":
            raise UnsuccessfulError("finish_reason is length")
        return response.text
