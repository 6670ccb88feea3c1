"""The three conversations that an agent has with every provider, and their expected outcome.

In:  a running sandbox that imitates a provider.
Out: `Conversation`s; `hold` runs one and returns its results.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from agentkit import Agent, tool
from agentkit.agent.result import RunResult
from agentkit.errors import ToolError
from agentkit.history import History
from agentkit.message import AssistantMessage, ToolResult, UserMessage
from agentkit.sandbox import AlterCompletion, Sandbox
from agentkit.sandbox.wire.completion import Completion

POPULATIONS = {"Oslo": 717710, "Bergen": 291940, "Trondheim": 214565}


@tool(read_only=True)
def weather(city: str) -> str:
    """Return the weather forecast for a city.

    Args:
        city: the name of the city, e.g. Paris.
    """
    return f"{len(city)} degrees and rain"


@tool(read_only=True)
def population(city: str) -> int:
    """Return the population of a city, how many people live there.

    Args:
        city: the name of the city, e.g. Paris.
    """
    if city not in POPULATIONS:
        near = next((name for name in POPULATIONS if name[:3] == city[:3]), "Oslo")
        raise ToolError(f"There is no city {city!r}; did you mean {near!r}?")
    return POPULATIONS[city]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Questions for an agent, and the expected outcome.

    Attributes:
        questions: asked one after the other, in one conversation.
        forced: the tool that the first answer to each must call; empty for none.
        calls: the cities in the arguments of the correct calls, in order.
        answer: the text of the last answer.
        alter: builds what changes the provider's answers; called for each run of it.
    """

    name: str
    questions: tuple[str, ...]
    calls: tuple[str, ...]
    answer: str
    forced: str = ""
    alter: Callable[[], AlterCompletion] | None = None


@dataclass(slots=True)
class BreakOnce:
    """Breaks the name of an argument in the first call that is sent, once."""

    is_done: bool = field(default=False)

    def __call__(self, completion: Completion) -> Completion:
        """Return the completion, the first one with a call broken."""
        if self.is_done or not completion.calls:
            return completion
        self.is_done = True
        first, *others = completion.calls
        broken = replace(first, arguments=first.arguments.replace('"city"', '"citty"'))
        return replace(completion, calls=(broken, *others))


CONVERSATIONS = (
    Conversation(
        name="one call",
        questions=("What is the weather in Oslo?",),
        calls=("Oslo",),
        answer="The weather in Oslo is 4 degrees and rain.",
    ),
    Conversation(
        name="three calls, then two in a row",
        questions=(
            "What is the population of Oslo, Bergen and Trondheim?",
            "What is the population of Trondhjem?",
        ),
        calls=("Oslo", "Bergen", "Trondheim", "Trondhjem", "Trondheim"),
        answer="The population of Trondheim is 214565.",
    ),
    Conversation(
        name="forced, then a broken call",
        questions=("What is the weather in Bergen?",),
        forced="weather",
        calls=("Bergen",),
        answer="The weather in Bergen is 6 degrees and rain.",
        alter=BreakOnce,
    ),
)


async def hold(
    conversation: Conversation, running: Sandbox, *, is_streamed: bool
) -> list[RunResult]:
    """Run a conversation and return its results; the last one has the complete history."""
    agent = Agent(
        running.model,
        tools=[weather, population],
        base_url=running.base_url,
        api_key=running.api_key,
    )
    history = History()
    results = []
    async with agent:
        for question in conversation.questions:
            history += [UserMessage(question)]
            result = await _run(agent, history, conversation, is_streamed=is_streamed)
            results.append(result)
            history = result.history
    return results


async def _run(
    agent: Agent, history: History, conversation: Conversation, *, is_streamed: bool
) -> RunResult:
    choice = conversation.forced or "auto"
    if not is_streamed:
        return await agent.run(history=history, tool_choice=choice)
    async with agent.stream(history=history, tool_choice=choice) as run:
        async for _ in run:
            pass
        return run.result


def good_calls(result: RunResult) -> tuple[str, ...]:
    """Return the cities of the calls whose arguments were right, in order."""
    calls = [
        call
        for message in result.history
        if isinstance(message, AssistantMessage)
        for call in message.tool_calls
    ]
    answered = {m.call_id for m in result.history if isinstance(m, ToolResult)}
    assert [call.id for call in calls if call.id not in answered] == []
    assert len({call.id for call in calls}) == len(calls)
    given = [json.loads(call.arguments) for call in calls]
    return tuple(str(arguments["city"]) for arguments in given if "city" in arguments)
