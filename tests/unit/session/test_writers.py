"""Several writers of one conversation, and a database that is away."""

from collections.abc import Callable
from typing import TypeVar

import pytest

from agentkit import (
    Agent,
    UserMessage,
)
from agentkit.session import (
    SessionConflictError,
    SessionNotFoundError,
    Sessions,
)
from agentkit.store.base import Store, StoreError, Transaction
from agentkit.testing import ScriptedModel
from tests.unit.session.turns import agent_with, read_to_end, texts

T = TypeVar("T")


async def test_of_two_writers_the_second_gets_the_present_version(sessions: Sessions) -> None:
    """Its turn is in the error, and can be added after a refresh."""
    chat = await sessions.create()
    await chat.run(agent_with("Hi!"), "Hello")
    other = await sessions.get(chat.id)

    with pytest.raises(SessionConflictError, match="has version 2, not 1") as caught:
        async with other.stream(agent_with("Two."), "second") as run:
            await chat.run(agent_with("One."), "first")
            await read_to_end(run)

    assert caught.value.version == 2
    assert caught.value.history == run.history
    assert await texts(await sessions.get(chat.id)) == ["Hello", "Hi!", "first", "One."]
    await other.refresh()
    await other.append(run.history[2:])
    assert await texts(other) == ["Hello", "Hi!", "first", "One.", "second", "Two."]


async def test_a_writer_who_is_late_is_refused_before_its_model_is_asked(
    sessions: Sessions,
) -> None:
    """No money is spent on a turn that cannot be stored."""
    chat = await sessions.create()
    other = await sessions.get(chat.id)
    await chat.run(agent_with("Hi!"), "Hello")
    model = ScriptedModel("Never asked.")

    with pytest.raises(SessionConflictError):
        await other.run(Agent(model), "Hello")
    for change in (other.append([UserMessage("x")]),):
        with pytest.raises(SessionConflictError):
            await change

    assert model.requests == []


@pytest.mark.parametrize("change", ["edit", "select"])
async def test_each_change_of_the_tree_checks_the_version(sessions: Sessions, change: str) -> None:
    """Not only turns."""
    chat = await sessions.create()
    [entry] = await chat.append([UserMessage("Hello")])
    other = await sessions.get(chat.id)
    await chat.run(agent_with("Hi!"))

    with pytest.raises(SessionConflictError) as caught:
        await (other.edit(entry.id, "x") if change == "edit" else other.select(entry.id))

    assert caught.value.version == 2


async def test_two_turns_of_one_object_at_once_are_two_writers(sessions: Sessions) -> None:
    """The first that ends is stored."""
    chat = await sessions.create()

    with pytest.raises(SessionConflictError):
        async with chat.stream(agent_with("One."), "first") as run:
            await chat.run(agent_with("Two."), "second")
            await read_to_end(run)

    assert await texts(chat) == ["second", "Two."]


async def test_a_conversation_that_was_deleted_takes_no_turn(sessions: Sessions) -> None:
    """Also if it was deleted while the run was under way."""
    chat = await sessions.create()

    with pytest.raises(SessionNotFoundError):
        async with chat.stream(agent_with("Hi!"), "Hello") as run:
            await sessions.delete(chat.id)
            await read_to_end(run)
    for call in (
        lambda: chat.run(agent_with(), "Hello"),
        lambda: chat.append([UserMessage("x")]),
        lambda: chat.rename("x"),
        lambda: chat.fork(),
        lambda: chat.delete(),
        lambda: chat.refresh(),
    ):
        with pytest.raises(SessionNotFoundError, match="no session"):
            await call()


async def test_a_title_can_be_changed_while_another_writes(sessions: Sessions) -> None:
    """It is not part of the tree."""
    chat = await sessions.create()
    other = await sessions.get(chat.id)

    async with chat.stream(agent_with("Hi!"), "Hello") as run:
        await other.rename("  Greetings\n and more ")
        await read_to_end(run)

    assert (await sessions.get(chat.id)).info.title == "Greetings and more"
    assert chat.info.title == "Greetings and more"


class _BrokenStore:
    """A store whose transactions fail at first, before or after they took effect."""

    def __init__(self, inner: Store, *errors: StoreError, is_late: bool = False) -> None:
        self._inner = inner
        self._errors = list(errors)
        self._is_late = is_late
        self.run, self.listen, self.kind = inner.run, inner.listen, inner.kind

    async def transaction(self, work: Callable[[Transaction], T]) -> T:
        """Fail if there is an error left."""
        if self._errors and not self._is_late:
            raise self._errors.pop(0)
        value = await self._inner.transaction(work)
        if self._errors:
            raise self._errors.pop(0)
        return value


@pytest.mark.parametrize("is_late", [False, True], ids=["before", "after"])
async def test_a_turn_is_stored_once_though_the_database_was_away(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch, is_late: bool
) -> None:
    """Whether the connection was lost before or after the transaction was committed."""
    monkeypatch.setattr("agentkit.session.session.RETRY_SECONDS", (0, 0))
    chat = await sessions.create()
    away = StoreError("away", retryable=True)
    broken = Sessions(_BrokenStore(sessions._store, away, away, is_late=is_late))
    late = await broken.get(chat.id)

    await late.run(agent_with("Hi!"), "Hello")
    await late.run(agent_with("Bye!"), "Bye")

    assert await texts(await sessions.get(chat.id)) == ["Hello", "Hi!", "Bye", "Bye!"]
    assert (await sessions.get(chat.id)).info == late.info


async def test_a_turn_that_cannot_be_stored_is_an_error(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The history is in the hands of the caller."""
    monkeypatch.setattr("agentkit.session.session.RETRY_SECONDS", (0,))
    chat = await sessions.create()
    for errors in (
        [StoreError("refused")],
        [StoreError("away", retryable=True), StoreError("away", retryable=True)],
    ):
        broken = await Sessions(_BrokenStore(sessions._store, *errors)).get(chat.id)

        with pytest.raises(StoreError, match=r"refused|away"):
            async with broken.stream(agent_with("Hi!"), "Hello") as run:
                await read_to_end(run)

        assert [message.text for message in run.history] == ["Hello", "Hi!"]
        assert broken.version == 0
