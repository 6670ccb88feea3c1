"""strands, as one writes it for an OpenAI-compatible provider."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from strands import Agent, tool
from strands.models.openai import OpenAIModel

from benchmarks.case import PROMPT, Case
from benchmarks.question import Question, UnsuccessfulError


@asynccontextmanager
async def opened(case: Case, url: str) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """Yield a run."""
    model = OpenAIModel(
        client_args={"base_url": url, "api_key": "none"},
        model_id="m",
        stream=bool(case.deltas),
    )
    tools = [tool(each, name=name) for name, each in case.functions().items()]

    async def run() -> str:
        agent = Agent(model=model, tools=tools, callback_handler=None)  # it keeps its messages
        if not case.deltas:
            return str(await agent.invoke_async(PROMPT))
        text = ""
        async for event in agent.stream_async(PROMPT):
            text += event.get("data", "")
        return text

    yield run


async def ask(question: Question) -> str:
    """Return the answer to a question."""
    client = {"base_url": question.url, "api_key": "none", "timeout": question.timeout_seconds}
    model = OpenAIModel(client_args=client, model_id="m", stream=question.is_streamed)
    agent = Agent(model=model, tools=[tool(question.tool())], callback_handler=None)
    if not question.is_streamed:
        result = await agent.invoke_async(question.prompt)
        text = str(result)
    else:
        text, result = "", None
        async for event in agent.stream_async(question.prompt):
            text += event.get("data", "")
            result = event.get("result", result)
    if result is not None and result.stop_reason != "end_turn":
        raise UnsuccessfulError(f"stop_reason is {result.stop_reason}")
    return text
