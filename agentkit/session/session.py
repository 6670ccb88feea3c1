"""One stored conversation: a tree of messages, and the place in it where it goes on.

In:  agents and prompts; ids of entries.
Out: runs whose turns are stored; entries.

An edit or a retry adds a second message after the same parent, a fork begins a new conversation at
an entry: nothing is copied, changed or lost. A turn is stored in one transaction after its run has
ended, however it ended, and only if no other writer came first.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, Unpack

import anyio

from agentkit.agent.agent import Agent
from agentkit.agent.options import DepsT, RunOptions
from agentkit.agent.result import RunResult
from agentkit.agent.stream import AgentStream
from agentkit.history import History
from agentkit.message import Message, UserMessage
from agentkit.output.output_type import OutputT
from agentkit.session import tables
from agentkit.session.agent_run import (
    StoreTurn,
    StreamedTurn,
    added_messages,
    as_message,
    finish,
    start_stream,
)
from agentkit.session.json_format import write_json
from agentkit.session.markdown_format import write_markdown
from agentkit.session.parts import Place, SessionParts
from agentkit.session.session_errors import SessionConflictError, SessionError, SessionNotFoundError
from agentkit.session.values import SessionEntry, SessionInfo, to_microseconds
from agentkit.store.base import StoreError, StoreUnavailableError, Transaction

STORE_SECONDS = 60.0
"""How long the end of a turn waits for the database, cancelled or not."""

RETRY_SECONDS = (0.1, 0.5, 2.0, 5.0)
"""Pauses between the attempts to store a turn while the database is away."""


class Session:
    """A stored conversation.

    It knows the version that it read or wrote last. A change raises `SessionConflictError` if
    another writer came first; `refresh` reads what is there now.
    """

    def __init__(self, parts: SessionParts, info: SessionInfo) -> None:
        """Use `Sessions.create` or `Sessions.get`."""
        self._parts = parts
        self._info = info
        self._head_place: Place | None = None

    @property
    def info(self) -> SessionInfo:
        """Return what was read or written last, without the messages."""
        return self._info

    @property
    def id(self) -> str:
        """Return the id."""
        return self._info.id

    @property
    def version(self) -> int:
        """Return the version that was read or written last."""
        return self._info.version

    async def refresh(self) -> None:
        """Read the conversation again, after another writer changed it.

        Raises:
            SessionNotFoundError: it was deleted.
        """
        self._info = await self._parts.read(self.id, tenant=self._info.tenant)

    async def entries(self) -> Sequence[SessionEntry]:
        """Return the messages from the first one to the head, with their ids."""
        return (await self._head(with_path=True)).path or ()

    async def history(self, entry_id: str | None = None) -> History:
        """Return the messages from the first one to an entry; to the head if none is given.

        Raises:
            SessionNotFoundError: the conversation was deleted, or has no such entry.
        """
        return (await self._at(entry_id)).history

    async def tree(self) -> Sequence[SessionEntry]:
        """Return the messages of all branches, parents before their children.

        For a fork, that includes the messages before the fork, but not their other branches.
        """
        rows = await self._parts.store.run(tables.READ_OWN_ENTRIES, (self.id,))
        own = tables.read_entries(rows)
        if self._info.forked_from is None:
            return own
        known = {entry.id for entry in own}
        shared = await self._parts.read_path(self._info.forked_from)
        return [*(entry for entry in shared if entry.id not in known), *own]

    def stream(
        self,
        agent: Agent[DepsT, OutputT],
        prompt: str | UserMessage | None = None,
        *,
        replaces: str | None = None,
        **options: Unpack[RunOptions[DepsT]],
    ) -> AbstractAsyncContextManager[AgentStream[OutputT]]:
        """Run an agent on the conversation, and store the turn when the context is left.

        The turn is stored when the run has answered, failed, or was stopped by leaving the
        context early: then with all that was said and done until then.

        Args:
            agent: any agent; its answer is added to the conversation.
            prompt: what the user says. Without one, the run goes on with what is there: an edited
                message, or open calls, with `approvals` for them.
            replaces: a message of the user, or an answer to it: the turn is added as another
                branch in place of that message; without `prompt`, the same message is sent again.
            options: see `RunOptions`.

        Raises:
            SessionConflictError: another writer changed the conversation before the turn was
                stored; the error holds the turn.
            SessionNotFoundError: the conversation was deleted, or has no entry `replaces`.
            HistoryError: nothing can follow the conversation, or the prompt is empty.
            StoreError: the turn could not be stored; `run.history` holds it.
        """
        return StreamedTurn(partial(self._begin_turn, agent, prompt, replaces, options))

    async def _begin_turn(
        self,
        agent: Agent[DepsT, OutputT],
        prompt: str | UserMessage | None,
        replaces: str | None,
        options: RunOptions[DepsT],
    ) -> tuple[AbstractAsyncContextManager[AgentStream[OutputT]], StoreTurn]:
        """Return the stream of a turn, to be opened, and what stores the turn."""
        info = await self._unchanged()
        said = None if prompt is None else as_message(prompt)
        if replaces is None:
            place = await self._head()
        else:
            place, _, replaced = await self._before(replaces)
            said = said or replaced

        async def store(run: AgentStream[Any]) -> None:
            await self._store_turn(info, place, history=run.history, run_id=run.run_id)

        history, session = place.history, info.id
        return start_stream(agent, said, history=history, session=session, options=options), store

    async def run(
        self,
        agent: Agent[DepsT, OutputT],
        prompt: str | UserMessage | None = None,
        *,
        replaces: str | None = None,
        **options: Unpack[RunOptions[DepsT]],
    ) -> RunResult[OutputT]:
        """Run an agent on the conversation, store the turn and return the result.

        See `stream` for the arguments and errors.
        """
        async with self.stream(agent, prompt, replaces=replaces, **options) as run:
            return await finish(run)

    async def retry(
        self, agent: Agent[DepsT, OutputT], entry_id: str, **options: Unpack[RunOptions[DepsT]]
    ) -> RunResult[OutputT]:
        """Send a message of the user again, as another branch, and return the result.

        Args:
            agent: any agent.
            entry_id: the message, or an answer to it.
            options: see `RunOptions`.

        See `stream` for the errors.
        """
        return await self.run(agent, replaces=entry_id, **options)

    async def edit(self, entry_id: str, message: str | UserMessage) -> SessionEntry:
        """Add another message in place of one of the user, as another branch, and go there.

        Run an agent without a prompt afterwards to have it answered.

        Raises:
            SessionError: the entry is not a message of the user.
            SessionConflictError: another writer changed the conversation first.
            SessionNotFoundError: the conversation was deleted, or has no such entry.
        """
        info = self._info
        place, replaced_id, _ = await self._before(entry_id)
        if replaced_id != entry_id:
            raise SessionError(f"The entry {entry_id!r} is not a message of the user.")
        [entry] = await self._add(info, place, history=place.history + [as_message(message)])
        return entry

    async def append(
        self,
        messages: Iterable[Message],
        *,
        after: str | None = None,
        run_id: str | None = None,
    ) -> Sequence[SessionEntry]:
        """Add messages that come from somewhere else, and return their entries.

        Args:
            messages: in order.
            after: the entry that they follow; the head if not given.
            run_id: the run that they come from.

        Raises:
            HistoryError: they cannot follow the conversation.
            SessionConflictError: another writer changed the conversation first.
            SessionNotFoundError: the conversation was deleted, or has no entry `after`.
        """
        info, place = self._info, await self._at(after)
        history = place.history + messages
        return await self._add(info, place, history=history, run_id=run_id)

    async def select(self, entry_id: str) -> None:
        """Go to the branch of an entry: the conversation goes on after the newest entry in it.

        Raises:
            SessionConflictError: another writer changed the conversation first.
            SessionNotFoundError: the conversation was deleted, or has no such entry.
        """
        info = self._info
        await self._require_entry(entry_id)
        rows = await self._parts.store.run(
            tables.NEWEST_BELOW, (self.id, entry_id, entry_id, self.id)
        )
        change = tables.Change(info=info, head=rows[0][0], at=self._parts.clock.now())
        self._info = await self._apply(change)

    async def fork(self, entry_id: str | None = None, *, title: str | None = None) -> "Session":
        """Create a conversation that begins at an entry, and share the messages before it.

        Args:
            entry_id: where it goes on; the head if not given.
            title: of the new conversation; the same if not given.

        Raises:
            SessionNotFoundError: the conversation was deleted, or has no such entry.
        """
        info = await self._parts.read(self.id, tenant=self._info.tenant)
        entry_id = entry_id or self._info.head
        path: Sequence[SessionEntry] = ()
        if entry_id is not None:
            await self._require_entry(entry_id)
            path = await self._parts.read_path(entry_id)
        forked = self._parts.new_session(
            tenant=info.tenant,
            agent=info.agent,
            title=info.title if title is None else title,
            forked_at=path[-1] if path else None,
        )
        await self._parts.store.transaction(
            lambda transaction: tables.insert_session(transaction, forked)
        )
        return Session(self._parts, forked)

    async def rename(self, title: str) -> None:
        """Change the title; does not raise the version.

        Raises:
            SessionNotFoundError: the conversation was deleted.
        """
        values = (tables.short_title(title), self.id, self._info.tenant)
        if not await self._parts.store.run(tables.RENAME, values):
            raise tables.not_found(self.id)
        await self.refresh()

    async def delete(self) -> None:
        """Delete the conversation; until `Sessions.gc` removes it, it can be restored.

        Raises:
            SessionNotFoundError: it was deleted before.
        """
        now = to_microseconds(self._parts.clock.now())
        if not await self._parts.store.run(tables.DELETE, (now, self.id, self._info.tenant)):
            raise tables.not_found(self.id)

    async def export_json(self) -> str:
        """Return all branches as JSON text; `Sessions.import_json` reads it."""
        return write_json(self._info, await self.tree())

    async def export_markdown(self) -> str:
        """Return the messages up to the head as Markdown; `Sessions.import_markdown` reads it."""
        return write_markdown(self._info, await self.history())

    async def _unchanged(self) -> SessionInfo:
        """Return what is known of the conversation, if that is what the database holds.

        Raises:
            SessionConflictError: another writer changed it.
            SessionNotFoundError: it was deleted.
        """
        present = await self._parts.read(self.id, tenant=self._info.tenant)
        if present.version != self._info.version:
            raise tables.conflict(self._info, [(present.version,)])
        self._info = present  # its title may be new
        return present

    async def _head(self, *, with_path: bool = False) -> Place:
        """Return the place where the conversation goes on; read once for each head."""
        place, head = self._head_place, self._info.head
        if place is None or place.last_id != head or (with_path and place.path is None):
            place = self._head_place = await self._parts.read_place(head, with_path=with_path)
        return place

    async def _at(self, entry_id: str | None) -> Place:
        """Return the place after an entry; the head if none is given.

        Raises:
            SessionNotFoundError: there is no such entry.
        """
        if entry_id is None or entry_id == self._info.head:
            return await self._head()
        await self._require_entry(entry_id)
        return await self._parts.read_place(entry_id)

    async def _before(self, entry_id: str) -> tuple[Place, str, UserMessage]:
        """Return the last message of the user up to an entry, its id, and the place before it.

        Raises:
            SessionNotFoundError: there is no such entry, or no message of the user before it.
        """
        await self._require_entry(entry_id)
        path = await self._parts.read_path(entry_id)
        for at in range(len(path) - 1, -1, -1):
            message = path[at].message
            if isinstance(message, UserMessage):
                return Place.at_end(path[:at]), path[at].id, message
        raise SessionNotFoundError(f"There is no message of the user before {entry_id!r}.")

    async def _require_entry(self, entry_id: str) -> None:
        """Return if an entry belongs to this conversation.

        Raises:
            SessionNotFoundError: it does not.
        """
        values = (self.id, entry_id, self.id)
        if not await self._parts.store.run(tables.IS_IN_SESSION, values):
            raise SessionNotFoundError(f"The session {self.id!r} has no entry {entry_id!r}.")

    async def _add(
        self, info: SessionInfo, place: Place, *, history: History, run_id: str | None = None
    ) -> Sequence[SessionEntry]:
        """Write what a history has more than a place, and go there; return the new entries."""
        messages = added_messages(place.history, history)
        if not messages:
            return ()
        entries = self._parts.entries_after(place.last, messages, run_id=run_id)
        change = tables.Change(
            info=info, head=entries[-1].id, entries=entries, at=entries[-1].created_at
        )
        self._info = await self._apply(change)
        self._head_place = place.after(entries, history=history)
        return entries

    async def _apply(self, change: tables.Change) -> SessionInfo:
        """Write a change; try again while the database is away."""

        def apply(transaction: Transaction) -> SessionInfo:
            return tables.apply_change(transaction, change)

        for pause in RETRY_SECONDS:
            try:
                return await self._parts.store.transaction(apply)
            except StoreError as error:
                if not error.retryable:
                    raise
            await anyio.sleep(pause)
        return await self._parts.store.transaction(apply)

    async def _store_turn(
        self, info: SessionInfo, place: Place, *, history: History, run_id: str | None
    ) -> None:
        """Write a turn to its end, also if the run was cancelled."""
        with anyio.move_on_after(STORE_SECONDS, shield=True):
            try:
                await self._add(info, place, history=history, run_id=run_id)
            except SessionConflictError as error:
                error.history = history
                raise
            return
        raise StoreUnavailableError(
            f"A turn of the session {self.id!r} could not be stored within {STORE_SECONDS:.0f} s."
        )
