"""Branches of a stored conversation: edits, retries, forks."""

import pytest

from agentkit import (
    Agent,
    AssistantMessage,
    History,
    ToolResult,
    UserMessage,
)
from agentkit.errors import HistoryError
from agentkit.session import (
    SessionError,
    SessionNotFoundError,
    Sessions,
)
from agentkit.testing import ScriptedModel
from tests.unit.session.turns import agent_with, read_to_end, texts


async def test_an_edit_adds_a_branch_and_goes_there(sessions: Sessions) -> None:
    """What was said before stays in the tree."""
    chat = await sessions.create()
    await chat.run(agent_with("Hi!"), "Hello")
    await chat.run(agent_with("Fine."), "How are you?")
    question = (await chat.entries())[2]

    entry = await chat.edit(question.id, "Who are you?")
    await chat.run(agent_with("A model."))

    assert entry.parent_id == question.parent_id
    assert await texts(chat) == ["Hello", "Hi!", "Who are you?", "A model."]
    assert await texts(await sessions.get(chat.id)) == await texts(chat)
    assert [one.message.text for one in await chat.tree()] == [
        *("Hello", "Hi!", "How are you?", "Fine.", "Who are you?", "A model.")
    ]


async def test_the_first_message_can_be_edited(sessions: Sessions) -> None:
    """The tree then has two roots; the title stays."""
    chat = await sessions.create()
    await chat.run(agent_with("Hi!"), "Hello")

    await chat.edit((await chat.entries())[0].id, "Good evening")

    assert await texts(chat) == ["Good evening"]
    assert chat.info.title == "Hello"
    assert len(await chat.tree()) == 3


async def test_only_messages_of_the_user_are_edited(sessions: Sessions) -> None:
    """Answers are retried."""
    chat = await sessions.create()
    await chat.run(agent_with("Hi!"), "Hello")

    with pytest.raises(SessionError, match="not a message of the user"):
        await chat.edit((await chat.entries())[1].id, "Hi there!")


@pytest.mark.parametrize("at", [2, 3])
async def test_a_retry_sends_the_same_message_again(sessions: Sessions, at: int) -> None:
    """By the message of the user or by an answer to it."""
    chat = await sessions.create()
    await chat.run(agent_with("Hi!"), "Hello")
    await chat.run(agent_with("Fine."), "How are you?")
    model = ScriptedModel("Great!")

    result = await chat.retry(Agent(model), (await chat.entries())[at].id)

    assert result.output == "Great!"
    sent = [message.text for message in model.requests[0].history]
    assert sent == ["Hello", "Hi!", "How are you?"]
    assert await texts(chat) == [*sent, "Great!"]
    assert len(await chat.tree()) == 6


async def test_a_turn_can_be_streamed_in_place_of_another(sessions: Sessions) -> None:
    """The streamed forms of an edit and a retry."""
    chat = await sessions.create()
    await chat.run(agent_with("Hi!"), "Hello")
    first = (await chat.entries())[0].id

    async with chat.stream(agent_with("Guten Tag!"), "Hallo", replaces=first) as run:
        await read_to_end(run)

    assert await texts(chat) == ["Hallo", "Guten Tag!"]


async def test_a_branch_is_selected_by_any_entry_in_it(sessions: Sessions) -> None:
    """The conversation goes on after the newest entry below it."""
    chat = await sessions.create()
    await chat.run(agent_with("Hi!"), "Hello")
    first, _ = await chat.entries()
    await chat.run(agent_with("Fine."), "How are you?")
    await chat.run(agent_with("Bonjour!"), "Salut", replaces=first.id)

    await chat.select(first.id)
    assert await texts(chat) == ["Hello", "Hi!", "How are you?", "Fine."]
    await chat.run(agent_with("Bye!"), "Bye")

    assert (await texts(await sessions.get(chat.id)))[-2:] == ["Bye", "Bye!"]


async def test_a_fork_shares_the_messages_before_it(sessions: Sessions) -> None:
    """Both go on by themselves; nothing is copied."""
    chat = await sessions.create(agent="support", title="Origin")
    await chat.run(agent_with("Hi!"), "Hello")
    await chat.run(agent_with("Fine."), "How are you?")
    shared = (await chat.entries())[:2]

    fork = await chat.fork(shared[1].id)
    await fork.run(agent_with("Later."), "Bye")
    await chat.run(agent_with("Yes."), "Really?")
    inner = await fork.fork(title="Inner")

    assert (fork.info.title, fork.info.agent, fork.info.forked_from) == (
        *("Origin", "support", shared[1].id),
    )
    assert await texts(await sessions.get(fork.id)) == ["Hello", "Hi!", "Bye", "Later."]
    assert (await fork.entries())[:2] == shared
    assert [one.message.text for one in await fork.tree()] == ["Hello", "Hi!", "Bye", "Later."]
    assert len(await chat.tree()) == 6
    assert inner.info.title == "Inner"
    assert await inner.entries() == await fork.entries()


async def test_shared_messages_can_be_edited_and_selected_in_a_fork(sessions: Sessions) -> None:
    """The new branch belongs to the fork alone."""
    chat = await sessions.create()
    await chat.run(agent_with("Hi!"), "Hello")
    await chat.run(agent_with("Fine."), "How are you?")
    fork = await chat.fork()
    first = (await fork.entries())[0]

    await fork.run(agent_with("Ciao!"), "Ciao", replaces=first.id)
    assert await texts(fork) == ["Ciao", "Ciao!"]
    await fork.select(first.id)
    assert await texts(fork) == ["Hello", "Hi!", "How are you?", "Fine."]

    assert len(await fork.tree()) == 6
    assert len(await chat.tree()) == 4


async def test_an_empty_conversation_can_be_forked(sessions: Sessions) -> None:
    """It gives another empty one."""
    fork = await (await sessions.create()).fork()

    await fork.run(agent_with("Hi!"), "Hello")

    assert await texts(fork) == ["Hello", "Hi!"]


async def test_an_entry_of_another_conversation_is_not_found(sessions: Sessions) -> None:
    """Nor is one in the origin of a fork, but behind it."""
    chat, other = await sessions.create(), await sessions.create()
    await chat.run(agent_with("Hi!"), "Hello")
    first, last = await chat.entries()
    fork = await chat.fork(first.id)

    for session, entry_id in ((other, first.id), (fork, last.id), (chat, "unknown")):
        with pytest.raises(SessionNotFoundError, match="has no entry"):
            await session.edit(entry_id, "x")
        with pytest.raises(SessionNotFoundError, match="has no entry"):
            await session.retry(agent_with(), entry_id)
        with pytest.raises(SessionNotFoundError, match="has no entry"):
            await session.fork(entry_id)
        with pytest.raises(SessionNotFoundError, match="has no entry"):
            await session.select(entry_id)


async def test_what_no_user_began_cannot_be_retried(sessions: Sessions) -> None:
    """There is no message to send again."""
    chat = await sessions.create()
    [entry] = await chat.append([AssistantMessage("Welcome!")])

    with pytest.raises(SessionNotFoundError, match="no message of the user"):
        await chat.retry(agent_with(), entry.id)


async def test_messages_that_do_not_follow_are_not_appended(sessions: Sessions) -> None:
    """A stored conversation is a history at any time."""
    chat = await sessions.create()

    with pytest.raises(HistoryError):
        await chat.append([ToolResult("c1", "2")])
    assert await chat.append([]) == ()

    assert (await sessions.get(chat.id)).version == 0


@pytest.mark.parametrize(
    ("prompt", "title"),
    [
        ("Hello\n\n  there", "Hello there"),
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 79 + "…"),
        ("שלום\0\ud800", "שלום\ufffd\ufffd"),
    ],
)
async def test_a_title_is_made_of_the_first_message(
    sessions: Sessions, prompt: str, title: str
) -> None:
    """In one line; the message itself is kept as it is."""
    chat = await sessions.create()
    await chat.append([UserMessage(prompt)])

    again = await sessions.get(chat.id)
    assert again.info.title == chat.info.title == title
    assert await again.history() == History((UserMessage(prompt),))


async def test_messages_are_added_after_any_entry(sessions: Sessions) -> None:
    """As another branch if something follows it already; the history ends at any entry."""
    session = await sessions.create()
    first, answer = await session.append([UserMessage("a"), AssistantMessage("b")])
    await session.append([UserMessage("c")])

    [entry] = await session.append([UserMessage("d")], after=answer.id)

    assert (entry.parent_id, entry.depth) == (answer.id, 2)
    assert [one.text for one in await session.history()] == ["a", "b", "d"]
    assert [one.text for one in await session.history(first.id)] == ["a"]
    with pytest.raises(SessionNotFoundError):
        await session.append([UserMessage("e")], after="nothing")
