"""LangChain, as one writes it for an OpenAI-compatible provider."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from langchain.agents import create_agent
from langchain_core.tools import StructuredTool
from langchain_openai import ChatOpenAI

from benchmarks.case import PROMPT, Case
from benchmarks.question import Question, UnsuccessfulError


@asynccontextmanager
async def opened(case: Case, url: str) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """Yield a run."""
    agent = create_agent(
        ChatOpenAI(model="m", base_url=url, api_key="none", streaming=bool(case.deltas)),
        tools=[
            StructuredTool.from_function(coroutine=each, name=name)
            for name, each in case.functions().items()
        ],
    )
    asked = {"messages": [{"role": "user", "content": PROMPT}]}
    settings = {"recursion_limit": 4 * case.calls + 10}

    async def run() -> str:
        if not case.deltas:
            return str((await agent.ainvoke(asked, settings))["messages"][-1].content)
        text = ""
        async for message, _ in agent.astream(asked, settings, stream_mode="messages"):
            text += str(message.content)
        return text

    yield run


async def ask(question: Question) -> str:
    """Return the answer to a question."""
    model = ChatOpenAI(
        model="m",
        base_url=question.url,
        api_key="none",
        timeout=question.timeout_seconds,
        streaming=question.is_streamed,
    )
    tool = question.tool()
    agent = create_agent(model, tools=[StructuredTool.from_function(coroutine=tool)])
    asked = {"messages": [{"role": "user", "content": question.prompt}]}
    if not question.is_streamed:
        last = (await agent.ainvoke(asked))["messages"][-1]
        _check(last.response_metadata)
        if last.invalid_tool_calls:
            raise UnsuccessfulError("the last message has invalid_tool_calls")
        return str(last.content)
    text = ""
    async for message, metadata in agent.astream(asked, stream_mode="messages"):
        if metadata["langgraph_node"] == "model":
            _check(message.response_metadata)
            text += str(message.content)
    return text


def _check(metadata: Mapping[str, object]) -> None:
    """Raise an error if the answer reports that it was cut."""
    if metadata.get("finish_reason") == "length":
        raise UnsuccessfulError("finish_reason is length")
