"""The conversations of `run` and `chat` in the user's database.

In:  the choice of a conversation, agents and prompts.
Out: runs whose turns are stored.

A turn that failed stays in the database as a branch of its own: the next message takes its place,
so that what made it fail is not sent again.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from agentkit.agent.agent import Agent
from agentkit.agent.stream import AgentStream
from agentkit.cli.open_calls import closing_messages
from agentkit.cli.session_choice import SessionChoice
from agentkit.cli.terminal import note, shorten
from agentkit.config.user_files import user_database
from agentkit.errors import ConfigError, UsageError
from agentkit.history import History
from agentkit.message import Message, UserMessage
from agentkit.session import (
    Session,
    SessionConflictError,
    SessionEntry,
    SessionExistsError,
    SessionNotFoundError,
    Sessions,
    open_sessions,
)
from agentkit.store.base import StoreError

LISTED = 20
_TITLE = 50


@asynccontextmanager
async def open_stored(choice: SessionChoice) -> AsyncIterator["DatabaseConversation | None"]:
    """Open the user's database and the conversation that was chosen.

    Without a choice, a database that cannot be opened is only reported: None is returned.

    Raises:
        UsageError: the name cannot be used.
        ConfigError: a conversation was asked for, and the database cannot be used.
    """
    async with AsyncExitStack() as stack:
        conversation: DatabaseConversation | None = None
        try:
            sessions = await stack.enter_async_context(open_sessions(user_database()))
            conversation = DatabaseConversation(sessions, await _chosen(sessions, choice))
            count = len(await conversation.history())
        except (StoreError, ConfigError) as error:
            if choice.is_asked_for:
                if isinstance(error, ConfigError):
                    raise
                raise ConfigError(f"The conversation cannot be stored: {error}") from error
            conversation, count = None, 0
            note(f"The conversation is not stored: {error}", style="yellow")
        if conversation is not None and count:
            note(f"The conversation {conversation.id!r} goes on: {count} messages.", style="dim")
        yield conversation


class DatabaseConversation:
    """One conversation, or one that begins with the next message."""

    def __init__(self, sessions: Sessions, session: Session | None = None) -> None:
        """Use `open_stored`."""
        self._sessions = sessions
        self._session = session
        self._failed: SessionEntry | None = None

    @property
    def id(self) -> str:
        """Return the name; empty as long as there is no message."""
        return "" if self._session is None else self._session.id

    async def history(self) -> History:
        """Return the messages so far."""
        return History() if self._session is None else await self._session.history()

    @asynccontextmanager
    async def stream(
        self, agent: Agent[object], prompt: str | UserMessage, **options: Any
    ) -> AsyncIterator[AgentStream[Any]]:
        """Run an agent on the conversation, and store the turn however it ends.

        Calls that wait for an approval are denied first: a message cannot follow them.

        Raises:
            SessionConflictError: another program went on with the conversation; the next message
                goes on after what that has stored.
            StoreError: the turn could not be stored.
        """
        if self._session is None:
            self._session = await self._sessions.create(agent=agent.name)
        session, replaced = self._session, self._failed
        if replaced is None:
            await self.append(closing_messages(await session.history()))
        begins_at = len(await session.entries()) if replaced is None else replaced.depth
        try:
            async with session.stream(
                agent, prompt, replaces=None if replaced is None else replaced.id, **options
            ) as run:
                self._failed = None
                yield run
        except SessionConflictError:
            self._failed = None
            await session.refresh()
            raise
        except Exception:
            entries = await session.entries()
            self._failed = entries[begins_at] if len(entries) > begins_at else None
            raise

    async def append(self, messages: Iterable[Message]) -> None:
        """Store messages that no run has added."""
        if self._session is not None:
            await self._session.append(messages)

    async def load(self, name: str | None) -> None:
        """Go on with another conversation; None begins a new one.

        Raises:
            SessionNotFoundError: there is none with this name.
        """
        self._session = None if name is None else await self._sessions.get(name)
        self._failed = None

    async def list(self) -> Sequence[str]:
        """Return a line about each of the conversations that were used last."""
        page = await self._sessions.list(limit=LISTED)
        return [
            f"{info.id}  {info.updated_at:%Y-%m-%d %H:%M} UTC  {shorten(info.title, _TITLE)}"
            for info in page.sessions
        ]


async def _chosen(sessions: Sessions, choice: SessionChoice) -> Session | None:
    """Return the conversation to go on with; None if a new one is to begin.

    Raises:
        UsageError: the name cannot be used.
    """
    if choice.name is not None:
        return await _named(sessions, choice.name)
    if not choice.continues:
        return None
    newest = (await sessions.list(limit=1)).sessions
    if not newest:
        note("There is no conversation yet; this begins one.", style="dim")
        return None
    return await sessions.get(newest[0].id)


async def _named(sessions: Sessions, name: str) -> Session:
    """Return the conversation of a name; a new one if there is none.

    Raises:
        UsageError: the name cannot be used.
    """
    if not name.strip():
        raise UsageError("--session needs a name.")
    try:
        return await sessions.get(name)
    except SessionNotFoundError:
        pass
    try:
        return await sessions.create(session_id=name)
    except ValueError as error:
        raise UsageError(f"--session: {error}") from error
    except SessionExistsError as error:
        raise UsageError(
            f"The conversation {name!r} was deleted, or is not yours; choose another name."
        ) from error
