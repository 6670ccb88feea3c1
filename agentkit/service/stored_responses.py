"""Stored answers in the OpenAI responses format, and the conversations that they belong to.

In:  answers with what they answer; ids of answers, of a tenant.
Out: the conversation up to an answer; the answers as they were sent.

An answer is at an entry of a stored conversation. A request that goes on with an answer that is
not the last one makes a branch, so that two of them at once are no conflict.
"""

import json
from collections.abc import Sequence
from dataclasses import field

from agentkit.clock import Clock
from agentkit.dialect.event_stream import compact_json
from agentkit.history import History
from agentkit.json_schema import JsonValue
from agentkit.message import Message
from agentkit.service.http_errors import ServiceError
from agentkit.service.served import Caller
from agentkit.session import Session, SessionConflictError, Sessions
from agentkit.session.values import to_microseconds
from agentkit.store.base import Row, Store
from agentkit.value import dataclass

MAX_ATTEMPTS = 20
"""How often an answer is stored again after another writer came first."""

_INSERT = (
    "INSERT INTO ak_responses (id, tenant, agent, conversation_id, entry_id, response, items, "
    "created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_READ = (
    "SELECT r.agent, r.conversation_id, r.entry_id, r.response, r.items FROM ak_responses r "
    "JOIN ak_conversations c ON c.id = r.conversation_id "
    "WHERE r.id = ? AND r.tenant = ? AND c.deleted_at IS NULL"
)
_DELETE = "DELETE FROM ak_responses WHERE id = ? AND tenant = ?"
_IS_USED = "SELECT 1 FROM ak_responses WHERE conversation_id = ? LIMIT 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorConversation:
    """What a request goes on with.

    Attributes:
        history: the messages so far.
        session: where they are stored; None for a new conversation.
        entry_id: the last of them.
    """

    history: History = field(default_factory=History)
    session: Session | None = None
    entry_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewResponse:
    """An answer to be stored.

    Attributes:
        id: of the answer.
        agent: the name of the agent that gave it.
        value: the answer as it is sent.
        items: what it answers, as it is listed.
        messages: what is new in the conversation, the answer included.
        run_id: the run that gave it.
    """

    id: str
    agent: str
    value: JsonValue
    items: Sequence[JsonValue]
    messages: Sequence[Message]
    run_id: str


class StoredResponses:
    """The stored answers of one database."""

    def __init__(self, store: Store, sessions: Sessions, *, clock: Clock) -> None:
        self._store = store
        self._sessions = sessions
        self._clock = clock

    async def conversation(self, name: str, caller: Caller) -> PriorConversation:
        """Return the conversation up to an answer.

        Raises:
            ServiceError: there is no such answer.
        """
        _, session_id, entry_id, _, _ = await self._read(
            name, caller, param="previous_response_id", status=400
        )
        session = await self._sessions.get(session_id, tenant=caller.tenant)
        history = await session.history(entry_id)
        return PriorConversation(history=history, session=session, entry_id=entry_id)

    async def keep(self, new: NewResponse, conversation: PriorConversation, caller: Caller) -> None:
        """Store an answer."""
        session, entry_id = conversation.session, conversation.entry_id
        if session is None:
            session = await self._sessions.create(agent=new.agent, tenant=caller.tenant)
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                entries = await session.append(new.messages, after=entry_id, run_id=new.run_id)
            except SessionConflictError:
                if attempt == MAX_ATTEMPTS:
                    raise
                await session.refresh()
            else:
                break
        values = (
            *(new.id, caller.tenant, new.agent, session.id, entries[-1].id),
            *(compact_json(new.value), compact_json(list(new.items))),
            to_microseconds(self._clock.now()),
        )
        await self._store.run(_INSERT, values)

    async def get(self, name: str, caller: Caller) -> JsonValue:
        """Return an answer as it was sent.

        Raises:
            ServiceError: there is no such answer.
        """
        found: JsonValue = json.loads((await self._read(name, caller))[3])
        return found

    async def items(self, name: str, caller: Caller) -> list[JsonValue]:
        """Return what an answer answers.

        Raises:
            ServiceError: there is no such answer.
        """
        found: list[JsonValue] = json.loads((await self._read(name, caller))[4])
        return found

    async def delete(self, name: str, caller: Caller) -> None:
        """Delete an answer; its conversation goes with the last answer in it.

        Raises:
            ServiceError: there is no such answer.
        """
        _, session_id, _, _, _ = await self._read(name, caller)
        await self._store.run(_DELETE, (name, caller.tenant))
        if not await self._store.run(_IS_USED, (session_id,)):
            await self._sessions.delete(session_id, tenant=caller.tenant)

    async def _read(
        self, name: str, caller: Caller, *, param: str = "response_id", status: int = 404
    ) -> Row:
        rows = await self._store.run(_READ, (name, caller.tenant))
        if not rows or not caller.may_use(rows[0][0]):
            raise ServiceError(
                f"Response with id {name[:200]!r} not found.",
                status=status,
                code="previous_response_not_found" if status == 400 else "not_found",
                param=param,
            )
        return rows[0]
