"""Conversations keep the history; streams can be read without `await`."""

from typing import Any

import anyio
import pytest

from agentkit import Agent, AssistantMessage, HistoryError, ProviderError, ToolCall
from agentkit.agent.conversation import Conversation
from agentkit.chat import ModelRequest, ModelResponse
from agentkit.errors import UsageError
from agentkit.event import Emit, RunFinished, TextReceived
from agentkit.message import Message, UserMessage
from agentkit.testing import ScriptedModel


class _SlowAnswer(ScriptedModel):
    """Begins its first answer and never ends it."""

    async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:
        if len(request.history) == 1:
            await emit(TextReceived(text="one two"))
            await anyio.sleep_forever()
        return await super().chat(request, emit=emit)


async def test_each_turn_continues_the_one_before() -> None:
    """Options hold for each turn; the prompt may be a message."""
    model = ScriptedModel("one", "two")
    talk: Conversation[str] = Agent[Any](model).conversation(labels={"user": "ada"})

    first = await talk.run("a")
    second = await talk.run(UserMessage(content="b"))

    assert (first.output, second.output) == ("one", "two")
    assert [message.text for message in talk.history] == ["a", "one", "b", "two"]
    assert [message.text for message in second.new_messages] == ["b", "two"]
    assert len(model.requests[1].history) == 3


async def test_text_before_a_stop_is_kept_and_marked() -> None:
    """The partial answer is part of the conversation."""
    model = _SlowAnswer("four")
    talk = Agent[Any](model).conversation()

    async with talk.stream("a") as run:
        async for event in run:
            if isinstance(event, TextReceived):
                break

    assert talk.history[-1] == AssistantMessage("one two", is_incomplete=True)
    assert (await talk.run("go on")).output == "four"


async def test_a_turn_that_fails_leaves_the_history_as_it_was() -> None:
    """It can be tried again."""
    talk = Agent[Any](ScriptedModel("one", ProviderError("down"), "two")).conversation()
    await talk.run("a")

    with pytest.raises(ProviderError):
        await talk.run("b")

    assert len(talk.history) == 2
    assert (await talk.run("b")).output == "two"


async def test_two_turns_at_the_same_time_are_refused() -> None:
    """Each would overwrite the history of the other."""
    talk = Agent[Any](ScriptedModel("one")).conversation()

    async with talk.stream("a") as run:
        with pytest.raises(UsageError, match="one conversation for each task"):
            await talk.run("b")
        await run.finish()

    assert len(talk.history) == 2


def test_conversations_and_streams_work_without_async() -> None:
    """In a script or a thread."""
    agent = Agent[Any](ScriptedModel("one", "two", "three"))
    talk = agent.conversation()

    assert talk.run_sync("a").output == "one"
    with agent.stream_sync("b", history=talk.history) as run:
        text = "".join(run.text_stream())
    assert text == "two"
    with agent.stream_sync("c") as run:
        events = list(run)
        assert isinstance(events[-1], RunFinished)
        assert run.result.output == run.finish().output == "three"
    assert run.history[-1].text == "three"


async def test_a_sync_call_inside_an_event_loop_is_an_error_that_names_the_async_one() -> None:
    """As in a notebook."""
    agent = Agent[Any](ScriptedModel("one"))

    with pytest.raises(UsageError, match=r"use 'await agent.run\(...\)'"):
        agent.run_sync("a")
    with pytest.raises(UsageError, match=r"use 'async with agent.stream\(...\)'"):
        agent.stream_sync("a")


def test_a_prompt_after_open_calls_is_refused() -> None:
    """The message names them."""
    open_history: list[Message] = [
        UserMessage(content="a"),
        AssistantMessage(tool_calls=[ToolCall(id="c1", name="pay")]),
    ]

    with pytest.raises(HistoryError, match=r"waits for pay \(c1\)"):
        anyio.run(Agent[Any](ScriptedModel()).conversation(history=open_history).run, "b")
