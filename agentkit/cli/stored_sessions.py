"""The work of `agentkit sessions`.

In:  the address of a database, ids, words, files.
Out: tables, messages or JSON on standard output, and exit codes.
"""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import anyio
from rich.table import Table

from agentkit.cli.exit_codes import OK
from agentkit.cli.terminal import escape_controls, note, shorten, show_table, write, write_json
from agentkit.config.user_files import user_database
from agentkit.errors import ConfigError
from agentkit.message import AssistantMessage
from agentkit.session import SessionEntry, SessionInfo, Sessions, open_sessions

T = TypeVar("T")

_TITLE, _EXCERPT = 50, 100


class StoredSessions:
    """The conversations of one tenant in one database."""

    def __init__(self, url: str | None, *, tenant: str = "") -> None:
        """Use a database; None is the user's own."""
        self._url = url or user_database()
        self._tenant = tenant

    def list(self, *, agent: str | None, limit: int, as_json: bool) -> int:
        """Print conversations, last used first.

        Raises:
            AgentKitError: the database cannot be used.
        """
        page = self._with_sessions(
            lambda sessions: sessions.list(tenant=self._tenant, agent=agent, limit=limit)
        )
        if as_json:
            write_json(json.dumps([_facts(info) for info in page.sessions], indent=2))
            return OK
        table = Table("Id", "Title", "Agent", "Last used", box=None, pad_edge=False)
        for info in page.sessions:
            title = escape_controls(shorten(info.title, _TITLE))
            used = f"{info.updated_at:%Y-%m-%d %H:%M} UTC"
            table.add_row(escape_controls(info.id), title, escape_controls(info.agent), used)
        show_table(table)
        if page.next is not None:
            note("There are more; see --limit.", style="dim")
        return OK

    def show(self, session_id: str, *, as_json: bool) -> int:
        """Print the messages of a conversation up to its head.

        Raises:
            AgentKitError: the database cannot be used, or there is no such conversation.
        """

        async def read(sessions: Sessions) -> tuple[str, str]:
            session = await sessions.get(session_id, tenant=self._tenant)
            entries = [_entry_text(entry) for entry in await session.entries()]
            return await session.export_json(), "\n".join(entries)

        exported, text = self._with_sessions(read)
        if as_json:
            write_json(exported)
        else:
            write(text)
        return OK

    def search(self, query: str, *, limit: int, as_json: bool) -> int:
        """Print messages that hold all words.

        Raises:
            AgentKitError: the database cannot be used.
        """
        hits = self._with_sessions(
            lambda sessions: sessions.search(query, tenant=self._tenant, limit=limit)
        )
        if as_json:
            facts = [
                {
                    "session_id": hit.session_id,
                    "title": hit.title,
                    "entry_id": hit.entry_id,
                    "role": hit.role,
                    "excerpt": hit.excerpt,
                    "created_at": hit.created_at.isoformat(),
                }
                for hit in hits
            ]
            write_json(json.dumps(facts, indent=2, ensure_ascii=False))
            return OK
        table = Table("Session", "From", "Message", box=None, pad_edge=False)
        for hit in hits:
            excerpt = escape_controls(shorten(hit.excerpt, _EXCERPT))
            table.add_row(escape_controls(hit.session_id), hit.role, excerpt)
        show_table(table)
        return OK

    def change(self, session_id: str, *, at: str | None = None, delete: bool) -> int:
        """Fork a conversation and print the id of the new one, or delete one.

        Raises:
            AgentKitError: the database cannot be used, or there is no such conversation or entry.
        """

        async def work(sessions: Sessions) -> str:
            session = await sessions.get(session_id, tenant=self._tenant)
            if not delete:
                return (await session.fork(at)).id
            await session.delete()
            return ""

        made = self._with_sessions(work)
        if made:
            write(f"{made}\n")
        else:
            note("Deleted; 'agentkit db gc' removes it for good.")
        return OK

    def transfer(self, name: str, *, file_format: str | None, file: Path | None) -> int:
        """Write a conversation to standard output, or create one from a file and print its id.

        Raises:
            AgentKitError: the database cannot be used, there is no such conversation, or the file
                is not an export.
        """
        if file is None:
            write(self._with_sessions(lambda sessions: self._export(sessions, name, file_format)))
            return OK
        try:
            text = file.read_bytes().decode()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"The file {str(file)!r} cannot be read: {error}.") from error
        is_markdown = file_format == "markdown" or (file_format is None and file.suffix == ".md")

        async def work(sessions: Sessions) -> str:
            if is_markdown:
                return (await sessions.import_markdown(text, tenant=self._tenant)).id
            return (await sessions.import_json(text, tenant=self._tenant)).id

        write(f"{self._with_sessions(work)}\n")
        return OK

    async def _export(self, sessions: Sessions, name: str, file_format: str | None) -> str:
        session = await sessions.get(name, tenant=self._tenant)
        if file_format == "markdown":
            return await session.export_markdown()
        return f"{await session.export_json()}\n"

    def _with_sessions(self, work: Callable[[Sessions], Awaitable[T]]) -> T:
        async def run() -> T:
            async with open_sessions(self._url) as sessions:
                return await work(sessions)

        return anyio.run(run)


def _facts(info: SessionInfo) -> dict[str, object]:
    return {
        "id": info.id,
        "title": info.title,
        "agent": info.agent,
        "version": info.version,
        "forked_from": info.forked_from,
        "created_at": info.created_at.isoformat(),
        "updated_at": info.updated_at.isoformat(),
    }


def _entry_text(entry: SessionEntry) -> str:
    """Return a message for a reader, under its role and the id of its entry."""
    message = entry.message
    lines = [f"{message.role} ({entry.id})"]
    if message.text:
        lines.append(message.text)
    if isinstance(message, AssistantMessage):
        lines += [f"{call.name}({call.arguments})" for call in message.tool_calls]
    return "\n".join(lines) + "\n"
