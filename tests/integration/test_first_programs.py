"""Short programs as users write them: one for each thing that most of them need."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agentkit import (
    Agent,
    Approval,
    History,
    OutputSettings,
    RunContext,
    TextReceived,
    ToolCallStarted,
    build_model,
    tool,
)
from agentkit.model import RetrySettings
from agentkit.testing import ScriptedModel, tool_call
from agentkit.tools import rules


class Stock:
    """What a tool needs."""

    def __init__(self, **items: int) -> None:
        self.items = items


@tool(read_only=True)
def in_stock(context: RunContext[Stock], item: str) -> int:
    """Look up how many there are."""
    return context.deps.items.get(item, 0)


@tool(destructive=True)
def delete_file(path: str) -> str:
    """Delete a file."""
    return f"deleted {path}"


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@asynccontextmanager
async def _stopped(agent: Agent, prompt: str) -> AsyncIterator[History]:
    """Yield the history of a stream that is left after its first text."""
    talk = agent.conversation()
    async with talk.stream(prompt) as run:
        async for _ in run.text_stream():
            break
    yield talk.history


def test_a_conversation_goes_on_with_its_history() -> None:
    """The second question is sent after the first and its answer."""
    model = ScriptedModel("Twenty dollars.", "Fifty.")
    agent = Agent(model)

    first = agent.run_sync("What are 20 euros?")
    second = agent.run_sync("And 50?", history=first.history)

    assert second.output == "Fifty."
    assert [message.role for message in second.history] == ["user", "assistant"] * 2
    assert model.requests[1].history[:2] == list(first.history)


async def test_text_is_printed_as_it_arrives() -> None:
    """Without events of other kinds."""
    agent = Agent(ScriptedModel(tool_call("add", a=1, b=2), "Three."), tools=[add])

    async with agent.stream("What is 1 + 2?") as run:
        pieces = [text async for text in run.text_stream()]

    assert "".join(pieces) == run.result.output == "Three."


async def test_events_are_matched_by_their_fields() -> None:
    """The obvious one by position."""
    agent = Agent(ScriptedModel(tool_call("add", a=1, b=2), "Three."), tools=[add])
    seen: list[str] = []

    async with agent.stream("What is 1 + 2?") as run:
        async for event in run:
            match event:
                case TextReceived(text):
                    seen.append(text)
                case ToolCallStarted(call=call):
                    seen.append(call.name)
                case _:
                    pass

    assert seen == ["add", "Three."]


async def test_a_chatbot_keeps_the_conversation_also_after_a_stopped_answer() -> None:
    """What was said until then is part of it."""
    agent = Agent(ScriptedModel("One.", "Two."))

    async with _stopped(agent, "Count.") as history:
        result = await agent.run("Go on.", history=history)

    assert [message.role for message in history] == ["user", "assistant"]
    assert result.output == "Two."


def test_tools_get_the_dependencies_of_the_run() -> None:
    """And the answer has its own type."""
    model = ScriptedModel(tool_call("in_stock", item="pen"), tool_call("final_answer", result=3))
    settings = OutputSettings(mode="tool")
    agent = Agent(model, tools=[in_stock], deps_type=Stock, output_type=int, output=settings)

    result = agent.run_sync("How many pens are there?", deps=Stock(pen=3))

    assert result.output == 3
    assert result.history[2].text == "3"


def test_a_call_is_approved_with_other_arguments() -> None:
    """The stored history is all that is needed to go on."""
    asks = rules.ask(rules.is_destructive)
    model = ScriptedModel(tool_call("delete_file", path="/"), "Done.")
    agent = Agent(model, tools=[delete_file], approve=asks)

    waiting = agent.run_sync("Clean up.")
    history = History.from_json(waiting.history.to_json())
    (call,) = history.open_calls
    changed = Approval.approve(call, arguments={"path": "/tmp/a"})  # noqa: S108 - only a text
    ended = agent.run_sync(history=history, approvals=[changed])

    assert waiting.stop_reason == "suspended"
    assert not waiting.has_output
    assert "deleted /tmp/a" in ended.history[2].text
    assert ended.output == "Done."


def test_rules_allow_some_calls_and_let_others_wait_for_approval() -> None:
    """The first rule that says something counts."""
    rule = rules.first(rules.allow(rules.named("add*")), rules.ask(rules.is_destructive))
    model = ScriptedModel([tool_call("add", a=1, b=2), tool_call("delete_file", path="a")])

    result = Agent(model, tools=[add, delete_file], approve=rule).run_sync("Add, then clean up.")

    assert result.stop_reason == "suspended"
    assert [call.name for call in result.open_calls] == ["delete_file"]
    assert result.history[2].text == "3"


def test_an_agent_is_tested_with_a_script() -> None:
    """Calls are made with the arguments as keywords, and get ids of their own."""
    model = ScriptedModel(tool_call("add", a=1, b=2), tool_call("add", a=3, b=3), "6")

    result = Agent(model, tools=[add]).run_sync("What is 1 + 2 + 3?")

    assert result.output == "6"
    assert [message.text for message in result.history if message.role == "tool"] == ["3", "6"]
    assert len(model.requests) == 3


def test_a_model_is_built_with_other_settings() -> None:
    """One that needs no key."""
    model = build_model("sandbox:mixtral-8x22b", retry=RetrySettings(attempts=5))

    result = Agent(model, tools=[add]).run_sync("What is 2 + 3?")

    assert result.model == "sandbox:mixtral-8x22b"
    assert result.stop_reason == "answered"


@pytest.mark.parametrize(("retries", "tries"), [(0, 1), (1, 2)])
def test_structured_output_is_requested_as_the_caller_wishes(retries: int, tries: int) -> None:
    """With as many further tries."""
    answers = [tool_call("final_answer", result="many"), tool_call("final_answer", result=7)]
    model = ScriptedModel(*answers[:tries])
    settings = OutputSettings(mode="tool", retries=retries)
    agent = Agent(model, output_type=int, output=settings)

    if tries == 1:
        with pytest.raises(Exception, match="no valid structured output"):
            agent.run_sync("How many?")
    else:
        assert agent.run_sync("How many?").output == 7

    assert len(model.requests) == tries
