"""Which stored conversation `run` and `chat` go on with.

In:  the options `--session`, `--continue` and `--no-store`.
Out: the conversation; the database and its modules are loaded only if one is wanted.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

from agentkit import cli
from agentkit.agent.agent import Agent
from agentkit.agent.stream import AgentStream
from agentkit.errors import UsageError
from agentkit.history import History
from agentkit.message import Message, UserMessage
from agentkit.value import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionChoice:
    """What the command line says about storing the conversation.

    Attributes:
        name: the conversation to go on with, or to begin.
        continues: go on with the one that was used last.
        is_stored: False stores nothing.
    """

    name: str | None = None
    continues: bool = False
    is_stored: bool = True

    @property
    def is_asked_for(self) -> bool:
        """Return whether a stored conversation was asked for."""
        return self.continues or self.name is not None


class StoredConversation(Protocol):
    """A stored conversation; see `agentkit.cli.stored_conversation`."""

    async def history(self) -> History:
        """Return the messages so far."""

    def stream(
        self, agent: Agent[object], prompt: str | UserMessage, **options: Any
    ) -> AbstractAsyncContextManager[AgentStream[Any]]:
        """Run an agent on the conversation, and store the turn however it ends."""

    async def append(self, messages: Iterable[Message]) -> None:
        """Store messages that no run has added."""

    async def load(self, name: str | None) -> None:
        """Go on with another conversation; None begins a new one."""

    async def list(self) -> Sequence[str]:
        """Return a line about each of the conversations that were used last."""


@asynccontextmanager
async def open_conversation(
    choice: SessionChoice, *, by_default: bool
) -> AsyncIterator[StoredConversation | None]:
    """Open the conversation that was asked for.

    Args:
        choice: what the command line says.
        by_default: store a new conversation if none was asked for.

    Raises:
        UsageError: the options contradict each other, or the name cannot be used.
        ConfigError: a conversation was asked for, and the database cannot be used.
    """
    if choice.name is not None and choice.continues:
        raise UsageError("Give --session or --continue, not both.")
    if choice.is_asked_for and not choice.is_stored:
        raise UsageError("--no-store stores nothing; leave out --session and --continue.")
    if not (choice.is_asked_for or (by_default and choice.is_stored)):
        yield None
        return
    async with cli.stored_conversation.open_stored(choice) as conversation:
        yield conversation
