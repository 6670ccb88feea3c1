"""What is measured: the same work by the bare loop and by agentkit.

In:  the stub host's address.
Out: per case, two coroutine functions that each make one run.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from agentkit import Agent, Budget, tool
from agentkit.tool.tool import Tool
from benchmarks import bare
from benchmarks.host import ANSWER

PROMPT = "What is 20 EUR in USD at 1.08?"
LONG = "word " * 400

Run = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One kind of run.

    Attributes:
        calls: tool calls before the answer, one a turn.
        tools: how many tools are offered.
        is_long: results are 2 KB of text.
        deltas: pieces of each streamed answer; 0 for whole answers.
        kind: what the stream is made of, `text` or `arguments`.
        delay_ms: how long the host takes for an answer.
    """

    calls: int = 1
    tools: int = 1
    is_long: bool = False
    deltas: int = 0
    kind: str = "text"
    delay_ms: int = 0


def make_tools(case: Case) -> list[Tool]:
    """Return the tools of a case; the first is the one that is called."""

    async def convert(amount: float, rate: float) -> object:
        """Convert an amount of money.

        Args:
            amount: how much, in the source currency.
            rate: target units per source unit.
        """
        return LONG if case.is_long else amount * rate

    async def note(text: str) -> str:
        """Keep a note.

        Args:
            text: what to keep.
        """
        return text[:4]

    called = note if case.kind == "arguments" else convert
    others = [tool(name=f"convert_{n}")(convert) for n in range(case.tools - 1)]
    return [tool(called), *others]


@asynccontextmanager
async def opened(case: Case, port: int) -> AsyncIterator[tuple[Run, Run]]:
    """Yield a run of the bare loop and a run of agentkit, each with connections that are kept."""
    url = f"http://127.0.0.1:{port}/{case.calls}/{case.delay_ms}/{case.deltas}/{case.kind}"
    tools = make_tools(case)
    agent: Agent[Any] = Agent(
        "openai-compatible:m",
        base_url=url,
        tools=tools,
        budget=Budget(turns=case.calls + 1, tool_calls=None),
    )
    specs = [
        {
            "type": "function",
            "function": {
                "name": each.name,
                "description": each.description,
                "parameters": dict(each.input_schema),
            },
        }
        for each in tools
    ]
    loop = bare.run_streamed if case.deltas else bare.run
    async with httpx.AsyncClient(timeout=300) as client, agent:

        async def run_bare() -> object:
            plain = {each.name: each.function for each in tools}
            return _checked(case, await loop(client, url, specs=specs, tools=plain, prompt=PROMPT))

        async def run_ours() -> object:
            if not case.deltas:
                return _checked(case, (await agent.run(PROMPT)).output)
            async with agent.stream(PROMPT) as run:
                async for _ in run:
                    pass
            return _checked(case, run.result.output)

        yield run_bare, run_ours


def _checked(case: Case, output: str) -> str:
    """Return `output` if it is what the host said last: half a run costs little and proves nothing.

    Raises:
        RuntimeError: it is not.
    """
    expected = "word " * case.deltas if case.deltas else ANSWER
    if output.strip() != expected.strip():
        raise RuntimeError(f"The run ended with {output[:80]!r}, not with the host's last words.")
    return output
