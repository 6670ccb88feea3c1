"""Turns of stored conversations that outlive their client and their process.

In:  what the user says, and where in a conversation.
Out: a stored run that answers it; when that has ended, its messages are in the conversation.

The user's message is stored first, with the id of its run. What the run wrote is added once: by
this process at the end of the run, or when the conversation is read next.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

import anyio
from anyio.abc import TaskGroup

from agentkit.agent.call_outcome import stopped_result
from agentkit.clock import Clock
from agentkit.durable import RunInfo, RunNotFoundError, Runs, RunStatusError
from agentkit.errors import AgentKitError
from agentkit.history import History
from agentkit.log import Log
from agentkit.message import Message, UserMessage
from agentkit.service.http_errors import ServiceError
from agentkit.service.page.path_pages import PathPage, read_page
from agentkit.service.page.run_messages import run_messages
from agentkit.session import (
    Session,
    SessionConflictError,
    SessionEntry,
    SessionInfo,
    SessionNotFoundError,
    tables,
)
from agentkit.session.agent_run import as_message
from agentkit.session.parts import SessionParts
from agentkit.session.sessions import make_id
from agentkit.store.base import Store, Transaction
from agentkit.value import dataclass

log: Log = Log("agentkit.service")

SESSION_LABEL = "session"
"""The label of a run that names its conversation."""

ATTEMPTS = 5
"""How often a change is tried while others change the same conversation."""

_FINISHED = (
    "SELECT e.id FROM ak_entries e JOIN ak_runs r ON r.id = e.run_id "
    "WHERE e.conversation_id = ? AND r.tenant = ? AND e.role = 'user' "
    "AND r.status IN ('done', 'failed', 'cancelled', 'dead') "
    "AND NOT EXISTS (SELECT 1 FROM ak_entries a WHERE a.conversation_id = e.conversation_id "
    "AND a.parent_id = e.id AND a.run_id = e.run_id)"
)
_RUNS = (
    "SELECT DISTINCT r.id, r.status FROM ak_entries e JOIN ak_runs r ON r.id = e.run_id "
    "WHERE e.conversation_id = ? AND r.tenant = ?"
)
_HAS_ANSWER = (
    "SELECT 1 FROM ak_entries WHERE conversation_id = ? AND parent_id = ? AND run_id = ? LIMIT 1"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTurn:
    """What the user says, and where.

    Attributes:
        prompt: the text; None sends the replaced message again.
        replaces: a message of the user: the turn becomes another branch in its place.
        after: the last message that the user has seen; None at the beginning.
        run_id: the id of the run, by which a request that is sent twice is known.
    """

    prompt: str | None
    replaces: str | None
    after: str | None
    run_id: str


class StoredTurns:
    """The turns of the conversations of one database."""

    def __init__(self, store: Store, runs: Runs, *, clock: Clock) -> None:
        self._store = store
        self._runs = runs
        self._parts = SessionParts(store=store, clock=clock, new_id=make_id)
        self._tasks: TaskGroup | None = None

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Add answers at the ends of their runs while the context is open."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            try:
                yield
            finally:
                self._tasks = None
                tasks.cancel_scope.cancel()

    def watch(self, run: RunInfo) -> None:
        """Add the answer of a run to its conversation at its end, unless it is suspended first."""
        if self._tasks is not None and SESSION_LABEL in run.labels:
            self._tasks.start_soon(self._watch, run)

    async def _watch(self, run: RunInfo) -> None:
        try:
            if (await self._runs.wait(run.id, tenant=run.tenant)).has_ended:
                await self.open(run.labels[SESSION_LABEL], tenant=run.tenant)
        except AgentKitError as error:  # who reads the conversation next adds it
            log.warning("answer_not_added", run_id=run.id, error=str(error))

    async def start(self, info: SessionInfo, turn: NewTurn) -> SessionEntry:
        """Store what the user says, and start the run that answers it; return the message.

        Raises:
            ServiceError: the conversation went on elsewhere, or is being answered.
            SessionConflictError: others change the conversation all the time.
            SessionNotFoundError: the conversation was deleted, or has no such message.
        """
        for attempt in range(ATTEMPTS):
            session = await self.open(info.id, tenant=info.tenant)
            entries = await session.tree()
            found = next((one for one in entries if _is_question_of(one, turn.run_id)), None)
            if found is None:
                path, message = _place(entries, turn)
                if await self._give_up_waiting(path, tenant=info.tenant):
                    continue
                added = await self._add_question(session.info, path, message, turn, attempt)
                if not added:
                    continue
                found, path = added[-1], [*path, *added]
            else:
                path = _path(entries, found.id)
            run = await self._runs.start(
                info.agent,
                run_id=turn.run_id,
                history=_history(one.message for one in path),
                tenant=info.tenant,
                labels={SESSION_LABEL: info.id},
            )
            self.watch(run)
            return found
        raise ServiceError("The conversation is changing; try again.", status=409, code="conflict")

    async def open(self, session_id: str, *, tenant: str) -> Session:
        """Return a conversation with what its runs have written.

        Raises:
            SessionNotFoundError: there is none with this id for the tenant.
        """
        for entry_id in await self._store.run(_FINISHED, (session_id, tenant)):
            await self._add_answer(session_id, entry_id[0], tenant=tenant)
        return Session(self._parts, await self._parts.read(session_id, tenant=tenant))

    async def page(self, info: SessionInfo, *, limit: int, before: str | None = None) -> PathPage:
        """Return the newest messages of a conversation, or those before one; see `read_page`."""
        return await read_page(self._store, info, limit=limit, before=before)

    async def run_statuses(self, info: SessionInfo) -> Sequence[tuple[str, str]]:
        """Return the ids and states of the stored runs of a conversation."""
        rows = await self._store.run(_RUNS, (info.id, info.tenant))
        return [(row[0], row[1]) for row in rows]

    async def _give_up_waiting(self, path: Sequence[SessionEntry], *, tenant: str) -> bool:
        """Cancel a run that waits for a decision at the end of a path; return whether one did.

        Raises:
            ServiceError: a run is under way there.
        """
        last = path[-1] if path else None
        if last is None or last.run_id is None or last.message.role != "user":
            return False
        try:
            info = await self._runs.get(last.run_id, tenant=tenant)
            if info.status == "suspended":
                await self._runs.cancel(info.id, tenant=tenant)
                return True
        except (RunNotFoundError, RunStatusError):  # its process ended before it was stored
            return False
        if info.has_ended:
            return False
        raise ServiceError(
            "The answer is still being written; stop it, or wait for its end.",
            status=409,
            code="answer_under_way",
        )

    async def _add_question(
        self,
        info: SessionInfo,
        path: Sequence[SessionEntry],
        message: UserMessage,
        turn: NewTurn,
        attempt: int,
    ) -> Sequence[SessionEntry]:
        """Add the message of a turn, after results for open calls, and go there.

        Returns what was added; nothing if others came first.
        """
        messages: list[Message] = [message]
        messages[:0] = _open_results(one.message for one in path)
        entries = self._parts.entries_after(
            path[-1] if path else None, messages, run_id=turn.run_id
        )
        change = tables.Change(
            info=info, head=entries[-1].id, entries=entries, at=entries[-1].created_at
        )
        try:
            await self._store.transaction(
                lambda transaction: tables.apply_change(transaction, change)
            )
        except SessionConflictError:
            if attempt == ATTEMPTS - 1:
                raise
            return ()
        return entries

    async def _add_answer(self, session_id: str, entry_id: str, *, tenant: str) -> None:
        """Add what the run of a message wrote, unless another process has done so."""
        path = await self._parts.read_path(entry_id)
        question = path[-1]
        run = await self._runs.get(question.run_id or "", tenant=tenant)
        records = self._runs.events(run.id, tenant=tenant, follow=False)
        messages = await run_messages(run, records, began_with=len(path))
        entries = self._parts.entries_after(question, messages, run_id=run.id)
        if not entries:
            return

        def add(transaction: Transaction) -> None:
            values = (session_id, question.id, run.id)
            if transaction.run(_HAS_ANSWER, values):
                return
            head = entries[-1].id if info.head == question.id else info.head
            change = tables.Change(info=info, head=head, entries=entries, at=_ended(run, question))
            tables.apply_change(transaction, change)

        for _ in range(ATTEMPTS):
            info = await self._parts.read(session_id, tenant=tenant)
            try:
                await self._store.transaction(add)
            except SessionConflictError:
                continue  # the next one who reads the conversation adds it, if this never succeeds
            return


def _ended(run: RunInfo, question: SessionEntry) -> datetime:
    return run.ended_at or question.created_at


def _is_question_of(entry: SessionEntry, run_id: str) -> bool:
    return entry.run_id == run_id and isinstance(entry.message, UserMessage)


def _history(messages: Iterable[Message]) -> History:
    return History.from_stored(messages)


def _open_results(messages: Iterable[Message]) -> Sequence[Message]:
    """Return results for the calls that a conversation ends with, so that a text can follow."""
    calls = _history(messages).open_calls
    return [stopped_result(call, has_started=False) for call in calls]


def _path(entries: Iterable[SessionEntry], entry_id: str | None) -> list[SessionEntry]:
    """Return the entries up to one.

    Raises:
        SessionNotFoundError: there is no such entry.
    """
    known = {one.id: one for one in entries}
    path: list[SessionEntry] = []
    while entry_id is not None:
        entry = known.get(entry_id)
        if entry is None:
            raise SessionNotFoundError(f"The conversation has no message {entry_id!r}.")
        path.append(entry)
        entry_id = entry.parent_id
    return path[::-1]


def _place(
    entries: Sequence[SessionEntry], turn: NewTurn
) -> tuple[list[SessionEntry], UserMessage]:
    """Return the messages before a turn, and its own.

    Raises:
        HistoryError: the message is empty.
        ServiceError: the user has not seen what was said after `turn.after`.
        SessionNotFoundError: there is no such message.
    """
    if turn.replaces is not None:
        path = _path(entries, turn.replaces)
        while path:
            replaced = path.pop().message
            if isinstance(replaced, UserMessage):
                return path, replaced if turn.prompt is None else as_message(turn.prompt)
        raise SessionNotFoundError(f"No message of the user is before {turn.replaces!r}.")
    path = _path(entries, turn.after)
    children: dict[str | None, list[SessionEntry]] = {}
    for one in entries:
        children.setdefault(one.parent_id, []).append(one)
    while following := children.get(path[-1].id if path else None):
        if isinstance(following[-1].message, UserMessage):
            raise ServiceError(
                "This conversation was continued elsewhere.", status=409, code="conflict"
            )
        path.append(following[-1])
    return path, as_message(turn.prompt or "")
