"""LangChain, as one writes it for an OpenAI-compatible provider."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from langchain.agents import create_agent
from langchain_core.tools import StructuredTool
from langchain_openai import ChatOpenAI

from benchmarks.case import PROMPT, Case


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
