"""Trees of stored conversations, against a model in memory.

Any sequence of edits, retries, forks, deletions and two writers at once gives what the model
gives, on both databases.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any, cast

import anyio
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from agentkit import Agent, AssistantMessage, UserMessage
from agentkit.session import (
    Session,
    SessionConflictError,
    SessionNotFoundError,
    Sessions,
    open_sessions,
)
from agentkit.testing import ScriptedModel

_tenants = count(1)

ANY = st.integers(0, 10**6)
"""Chooses one of what there is."""


@dataclass
class ModelEntry:
    """A message of the model."""

    number: int
    parent: str | None
    text: str
    by_user: bool


@dataclass
class ModelTalk:
    """A conversation of the model, and the two writers that know it."""

    id: str
    own: set[str] = field(default_factory=set)
    head: str | None = None
    version: int = 0
    forked_from: str | None = None
    state: str = "live"
    writers: list[Session] = field(default_factory=list)


class SessionTree(RuleBasedStateMachine):
    """Does the same to the database and to the model."""

    def __init__(self, portal: BlockingPortal, sessions: Sessions) -> None:
        super().__init__()
        self._portal = portal
        self._sessions = sessions
        self._tenant = f"tenant {next(_tenants)}"
        self._entries: dict[str, ModelEntry] = {}
        self._talks: dict[str, ModelTalk] = {}
        self._numbers = count(1)

    # What the model knows.

    def _in_state(self, state: str) -> list[ModelTalk]:
        return [talk for talk in self._talks.values() if talk.state == state]

    def _path(self, entry: str | None) -> list[str]:
        path: list[str] = []
        while entry is not None:
            path.append(entry)
            entry = self._entries[entry].parent
        return path[::-1]

    def _tree(self, talk: ModelTalk) -> set[str]:
        return talk.own | set(self._path(talk.forked_from))

    def _take(self, talk: ModelTalk, session: Session) -> None:
        """Let the model have the entries that a writer has added at its head."""
        for entry in self._call(session.entries):
            if entry.id not in self._entries:
                self._entries[entry.id] = ModelEntry(
                    number=next(self._numbers),
                    parent=entry.parent_id,
                    text=entry.message.text,
                    by_user=isinstance(entry.message, UserMessage),
                )
                talk.own.add(entry.id)
        talk.head = session.info.head
        talk.version += 1

    def _call(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        async def call() -> Any:
            return await function(*arguments, **named)

        return self._portal.call(call)

    def _talk(self, choice: int) -> ModelTalk:
        live = self._in_state("live")
        return live[choice % len(live)]

    def _entry(self, talk: ModelTalk, choice: int) -> str | None:
        tree = sorted(self._tree(talk), key=lambda name: self._entries[name].number)
        return tree[choice % len(tree)] if tree else None

    def _text(self) -> str:
        return f"word{next(self._numbers)} שלום"

    def _change(
        self, talk: ModelTalk, writer: int, function: str, *arguments: Any, **named: Any
    ) -> None:
        """Let a writer change a conversation; one who is behind is refused, and then refreshed."""
        session = talk.writers[writer]
        if session.version == talk.version:
            self._call(getattr(session, function), *arguments, **named)
            self._take(talk, session)
            return
        with pytest.raises(SessionConflictError) as caught:
            self._call(getattr(session, function), *arguments, **named)
        assert caught.value.version == talk.version
        self._call(session.refresh)

    @rule()
    def create(self) -> None:
        """Create an empty conversation."""
        self._add(self._call(self._sessions.create, tenant=self._tenant))

    def _add(self, session: Session) -> ModelTalk:
        other = self._call(self._sessions.get, session.id, tenant=self._tenant)
        talk = ModelTalk(id=session.id, writers=[session, other])
        talk.head = talk.forked_from = session.info.head
        self._talks[session.id] = talk
        return talk

    @precondition(lambda self: self._in_state("live"))
    @rule(choice=ANY, writer=st.integers(0, 1))
    def turn(self, choice: int, writer: int) -> None:
        """Run an agent with a prompt."""
        agent = Agent(ScriptedModel(self._text()))
        self._change(self._talk(choice), writer, "run", agent, self._text())

    @precondition(lambda self: self._in_state("live"))
    @rule(choice=ANY, writer=st.integers(0, 1), length=st.integers(1, 4))
    def append(self, choice: int, writer: int, length: int) -> None:
        """Add messages of both sides."""
        kinds = (UserMessage, AssistantMessage)
        messages = [kinds[number % 2](self._text()) for number in range(length)]
        self._change(self._talk(choice), writer, "append", messages)

    @precondition(lambda self: self._in_state("live"))
    @rule(choice=ANY, at=ANY, writer=st.integers(0, 1), kind=st.sampled_from(["edit", "retry"]))
    def branch(self, choice: int, at: int, writer: int, kind: str) -> None:
        """Edit or retry a message of the user; the new branch has the same parent."""
        talk = self._talk(choice)
        entry = self._entry(talk, at)
        if entry is None or not self._entries[entry].by_user:
            return
        before = self._entries[entry]
        known = set(self._entries)
        if kind == "edit":
            self._change(talk, writer, "edit", entry, self._text())
        else:
            self._change(talk, writer, "retry", Agent(ScriptedModel(self._text())), entry)
        for added in set(self._entries) - known:
            if self._entries[added].by_user:
                assert self._entries[added].parent == before.parent
                assert (self._entries[added].text == before.text) == (kind == "retry")

    @precondition(lambda self: self._in_state("live"))
    @rule(choice=ANY, at=ANY, writer=st.integers(0, 1))
    def select(self, choice: int, at: int, writer: int) -> None:
        """Go to a branch: to the newest entry below one."""
        talk = self._talk(choice)
        entry = self._entry(talk, at)
        if entry is None:
            return
        before = talk.version
        self._change(talk, writer, "select", entry)
        if talk.version > before:
            below = [name for name in self._tree(talk) if entry in self._path(name)]
            assert talk.head == max(below, key=lambda name: self._entries[name].number)

    @precondition(lambda self: self._in_state("live"))
    @rule(choice=ANY, at=ANY)
    def fork(self, choice: int, at: int) -> None:
        """Begin another conversation at an entry."""
        talk = self._talk(choice)
        entry = self._entry(talk, at)
        forked = self._add(self._call(talk.writers[0].fork, entry))
        assert forked.head == entry

    @precondition(lambda self: self._in_state("live"))
    @rule(choice=ANY)
    def write_at_once(self, choice: int) -> None:
        """Let both writers append at the same time; one of two that are up to date is refused."""
        talk = self._talk(choice)
        for session in talk.writers:
            self._call(session.refresh)
            self._call(session.entries)
        refused: dict[Session, int | None] = {}

        async def write(session: Session) -> None:
            try:
                await session.append([UserMessage("at once")])
            except SessionConflictError as error:
                refused[session] = error.version

        async def write_both() -> None:
            async with anyio.create_task_group() as tasks:
                for session in talk.writers:
                    tasks.start_soon(write, session)

        self._portal.call(write_both)
        assert [*refused.values()] == [talk.version + 1]
        [winner] = [session for session in talk.writers if session not in refused]
        self._take(talk, winner)

    @precondition(lambda self: self._in_state("live"))
    @rule(choice=ANY)
    def delete(self, choice: int) -> None:
        """Delete a conversation; it can be restored."""
        talk = self._talk(choice)
        self._call(self._sessions.delete, talk.id, tenant=self._tenant)
        talk.state = "deleted"

    @precondition(lambda self: self._in_state("deleted"))
    @rule(choice=ANY)
    def restore(self, choice: int) -> None:
        """Bring a deleted conversation back."""
        deleted = self._in_state("deleted")
        talk = deleted[choice % len(deleted)]
        self._call(self._sessions.restore, talk.id, tenant=self._tenant)
        talk.state = "live"

    @rule()
    def remove(self) -> None:
        """Remove what was deleted."""
        removed = self._call(self._sessions.gc, timedelta())
        deleted = self._in_state("deleted")
        assert removed >= len(deleted)
        for talk in deleted:
            talk.state = "removed"

    @invariant()
    def the_database_holds_what_the_model_holds(self) -> None:
        """Heads, paths, trees and versions; what is not live is not found."""
        self._portal.call(self._check)

    async def _check(self) -> None:
        listed = await self._sessions.list(tenant=self._tenant, limit=1000)
        live = self._in_state("live")
        assert {info.id for info in listed.sessions} == {talk.id for talk in live}
        for talk in live:
            session = await self._sessions.get(talk.id, tenant=self._tenant)
            assert (session.version, session.info.head) == (talk.version, talk.head)
            path = await session.entries()
            assert [entry.id for entry in path] == self._path(talk.head)
            assert [entry.depth for entry in path] == list(range(len(path)))
            tree = await session.tree()
            assert {entry.id for entry in tree} == self._tree(talk)
            assert len(tree) == len(self._tree(talk))
            for entry in tree:
                model = self._entries[entry.id]
                assert (entry.parent_id, entry.message.text) == (model.parent, model.text)
        for talk in (*self._in_state("deleted"), *self._in_state("removed")):
            with pytest.raises(SessionNotFoundError):
                await talk.writers[0].refresh()

    def teardown(self) -> None:
        """Find each message that is left by its own word, and delete what is left."""
        self._portal.call(self._find_and_delete)

    async def _find_and_delete(self) -> None:
        for talk in self._in_state("live"):
            for entry in talk.own:
                model = self._entries[entry]
                word = model.text.split()[0]
                if model.text == "at once":
                    continue
                hits = await self._sessions.search(word, tenant=self._tenant, limit=100)
                assert entry in {hit.entry_id for hit in hits}
            await self._sessions.delete(talk.id, tenant=self._tenant)
        await self._sessions.gc(timedelta())


def test_trees_are_those_of_a_model(database_url: str) -> None:
    """Hypothesis chooses what is done, and by which writer."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(open_sessions(database_url)) as sessions,
    ):
        # Hypothesis calls it to make a machine; a function will do.
        machine = cast("type[SessionTree]", partial(SessionTree, portal, sessions))
        run_state_machine_as_test(
            machine, settings=settings(max_examples=25, stateful_step_count=25, deadline=None)
        )
