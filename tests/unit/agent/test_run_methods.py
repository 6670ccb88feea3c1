"""The ways to run an agent give the same."""

from agentkit import Agent, History, TextReceived
from agentkit.testing import ScriptedModel


def test_all_ways_from_code_that_is_not_async_give_the_same() -> None:
    """A result, a stream, a conversation."""
    agent = Agent(ScriptedModel("a", "a", "a"))

    first = agent.run_sync("hi")
    with agent.stream_sync("hi") as run:
        texts = [event.text for event in run if isinstance(event, TextReceived)]
    talk = agent.conversation()
    third = talk.run_sync("hi")

    assert first.output == run.result.output == third.output == "".join(texts) == "a"
    assert first.history == run.history == talk.history


async def test_all_async_ways_give_the_same() -> None:
    """And go on with the same history."""
    agent = Agent(ScriptedModel("a", "a", "b", "b"))

    first = await agent.run("hi")
    async with agent.stream("hi") as run:
        texts = [text async for text in run.text_stream()]
    talk = agent.conversation(history=first.history)
    async with talk.stream("and?") as next_run:
        third = await next_run.finish()
    fourth = await agent.run("and?", history=History(run.history))

    assert first.output == "".join(texts) == "a"
    assert third.output == fourth.output == "b"
    assert talk.history == fourth.history
