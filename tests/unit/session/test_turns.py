"""Turns of a stored conversation: answered, stopped, failed, suspended."""

import gc
from collections.abc import AsyncGenerator

import anyio
import pytest

from agentkit import (
    Agent,
    Approval,
    AssistantMessage,
    History,
    ProviderError,
    ToolCallStarted,
    ToolResult,
    UserMessage,
    tool,
)
from agentkit.errors import HistoryError
from agentkit.session import (
    Sessions,
)
from agentkit.testing import ScriptedModel, tool_call
from tests.unit.session.turns import agent_with, read_to_end, texts

BROKEN = ProviderError("The provider is away.", kind="server")


async def test_a_turn_is_stored_when_it_has_ended(sessions: Sessions) -> None:
    """And read by those who open the conversation later."""
    chat = await sessions.create(agent="support", tenant="acme")

    async with chat.stream(agent_with("Hi!"), "Hello") as run:
        before = (await sessions.get(chat.id, tenant="acme")).version
        await read_to_end(run)

    again = await sessions.get(chat.id, tenant="acme")
    assert before == 0
    assert await again.history() == run.result.history
    assert again.info == chat.info
    assert (again.info.title, again.info.agent, again.version) == ("Hello", "support", 1)
    first, second = await again.entries()
    assert (first.parent_id, first.depth, second.parent_id, second.depth) == (None, 0, first.id, 1)
    assert again.info.head == second.id


async def test_the_next_turn_goes_on_with_the_history(sessions: Sessions) -> None:
    """By the same object and by another one."""
    model = ScriptedModel("Hi!", "Fine.", "Bye.")
    chat = await sessions.create()

    await chat.run(Agent(model), "Hello")
    await chat.run(Agent(model), "How are you?")
    result = await (await sessions.get(chat.id)).run(Agent(model), UserMessage("Bye"))

    assert result.output == "Bye."
    sent = [message.text for message in model.requests[-1].history]
    assert sent == ["Hello", "Hi!", "How are you?", "Fine.", "Bye"]


async def test_a_turn_that_is_stopped_is_stored_with_a_complete_history(
    sessions: Sessions,
) -> None:
    """A call that was under way has a result that reports it."""
    chat = await sessions.create()
    is_begun = anyio.Event()

    @tool
    async def wait() -> str:
        """Wait for ever."""
        is_begun.set()
        await anyio.sleep_forever()
        return ""

    model = ScriptedModel(AssistantMessage("One moment.", tool_calls=[tool_call("wait")]))
    with anyio.fail_after(60):
        async with chat.stream(Agent(model, tools=[wait]), "Wait!") as run:
            async for event in run:
                if isinstance(event, ToolCallStarted):
                    await is_begun.wait()
                    break

    stored = await (await sessions.get(chat.id)).history()
    assert stored == run.history
    assert [message.role for message in stored] == ["user", "assistant", "tool"]
    assert stored.open_calls == ()


async def test_a_turn_that_is_cancelled_from_outside_is_stored(sessions: Sessions) -> None:
    """The time limit of the caller does not cut off the writing."""
    chat = await sessions.create()

    @tool
    async def wait() -> str:
        """Wait for ever."""
        scope.cancel()
        await anyio.sleep_forever()
        return ""

    agent = Agent(ScriptedModel(AssistantMessage(tool_calls=[tool_call("wait")])), tools=[wait])
    with anyio.CancelScope() as scope:
        await chat.run(agent, "Wait!")

    assert scope.cancelled_caught
    assert len(await (await sessions.get(chat.id)).history()) == 3


async def test_a_turn_that_failed_is_stored_and_can_go_on(sessions: Sessions) -> None:
    """Without a prompt, what the user said is answered."""
    chat = await sessions.create()
    with pytest.raises(ProviderError):
        await chat.run(agent_with(BROKEN), "Hello")

    assert await texts(await sessions.get(chat.id)) == ["Hello"]
    await chat.run(agent_with("Hi!"))

    assert await texts(await sessions.get(chat.id)) == ["Hello", "Hi!"]


async def test_an_error_of_the_caller_is_raised_and_the_turn_is_stored(
    sessions: Sessions,
) -> None:
    """Errors in the body of the context are the caller's own."""
    chat = await sessions.create()

    with pytest.raises(KeyError):
        async with chat.stream(agent_with("Hi!"), "Hello") as run:
            await read_to_end(run)
            raise KeyError(1)

    assert await texts(await sessions.get(chat.id)) == ["Hello", "Hi!"]


@pytest.mark.parametrize("prompt", ["", "  \n"])
async def test_an_empty_prompt_is_refused_before_anything_is_stored(
    sessions: Sessions, prompt: str
) -> None:
    """As an agent refuses it."""
    chat = await sessions.create()

    with pytest.raises(HistoryError, match="empty"):
        await chat.run(agent_with("Hi!"), prompt)

    assert (await sessions.get(chat.id)).version == 0


async def test_a_conversation_without_messages_needs_a_prompt(sessions: Sessions) -> None:
    """There is nothing to answer."""
    chat = await sessions.create()

    with pytest.raises(HistoryError, match="empty"):
        await chat.run(agent_with("Hi!"))


async def test_an_option_that_there_is_not_is_refused(sessions: Sessions) -> None:
    """Nor is a history, which the session gives."""
    chat = await sessions.create()

    for options in ({"unknown": 1}, {"history": History()}):
        with pytest.raises(TypeError):
            await chat.run(agent_with("Hi!"), "Hello", **options)

    assert not await chat.entries()


async def test_a_suspended_run_goes_on_with_approvals(sessions: Sessions) -> None:
    """In another process, by what is stored alone."""

    @tool(approval="ask")
    async def pay(amount: int) -> str:
        """Pay an amount."""
        return f"paid {amount}"

    call = tool_call("pay", amount=5)
    chat = await sessions.create()
    first = Agent(ScriptedModel(AssistantMessage(tool_calls=[call])), tools=[pay])
    result = await chat.run(first, "Pay 5", run_id="order-7")

    again = await sessions.get(chat.id)
    with pytest.raises(HistoryError):
        await again.run(first, "Hello?")
    second = Agent(ScriptedModel("Done."), tools=[pay])
    await again.run(second, approvals=[Approval.approve(call)])

    assert result.stop_reason == "suspended"
    assert (await again.history())[2:] == [
        ToolResult(call.id, "paid 5"),
        AssistantMessage("Done."),
    ]
    run_ids = [entry.run_id for entry in await again.entries()]
    assert run_ids[:2] == ["order-7", "order-7"]
    assert run_ids[2] == run_ids[3] != "order-7"


@pytest.mark.filterwarnings("ignore:Async generator.*collected:ResourceWarning")
@pytest.mark.parametrize("is_garbage", [False, True])
async def test_a_turn_is_stored_if_a_generator_around_it_is_closed_elsewhere(
    sessions: Sessions, is_garbage: bool
) -> None:
    """In another task, or by the event loop when both are garbage."""
    chat = await sessions.create()

    async def lines() -> AsyncGenerator[str]:
        async with chat.stream(agent_with("Hi!"), "Hello") as run:
            async for event in run:
                yield type(event).__name__

    reading: list[object] = [lines()]
    reading.append(reading)
    await anext(reading[0])  # type: ignore[call-overload]  # it holds the list, too
    if is_garbage:
        reading = []
        gc.collect()
    else:
        async with anyio.create_task_group() as group:
            group.start_soon(reading[0].aclose)  # type: ignore[attr-defined]  # as above

    with anyio.fail_after(20):
        while (await sessions.get(chat.id)).version == 0:
            await anyio.lowlevel.checkpoint()
    assert await texts(await sessions.get(chat.id)) == ["Hello"]
