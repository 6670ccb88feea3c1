"""Conversations as JSON, with all branches.

In:  a conversation and its entries; or the text of an export, from anywhere.
Out: the text; or a new conversation with new ids.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Literal, NotRequired

from pydantic import AwareDatetime, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from agentkit.errors import HistoryError
from agentkit.history import VERSION, History
from agentkit.session.message_codec import encode_json, message_value, read_values
from agentkit.session.parts import SessionParts
from agentkit.session.session_errors import ImportFormatError
from agentkit.session.values import NewSession, SessionEntry, SessionInfo
from agentkit.surrogates import replace_surrogates

FORMAT = "agentkit-session"


class _EntryForm(TypedDict):
    """An entry of an export."""

    id: str
    parent_id: str | None
    created_at: AwareDatetime
    message: dict[str, Any]
    run_id: NotRequired[str | None]


class _Form(TypedDict):
    """An export."""

    format: Literal["agentkit-session"]
    version: Literal[1]
    title: str
    agent: str
    head: str | None
    message_version: int
    entries: list[_EntryForm]


@cache
def _form() -> TypeAdapter[_Form]:
    """Build the reader of exports, at its first use."""
    return TypeAdapter(_Form)


def write_json(info: SessionInfo, entries: Sequence[SessionEntry]) -> str:
    """Return a conversation as JSON text; parents come before their children."""
    return encode_json(
        {
            "format": FORMAT,
            "version": 1,
            "title": info.title,
            "agent": info.agent,
            "head": info.head,
            "message_version": VERSION,
            "entries": [
                {
                    "id": entry.id,
                    "parent_id": entry.parent_id,
                    "created_at": entry.created_at.isoformat(),
                    "run_id": entry.run_id,
                    "message": message_value(entry.message),
                }
                for entry in entries
            ],
        }
    )


def read_json(text: str, *, tenant: str, parts: SessionParts) -> NewSession:
    """Return a new conversation with the branches of an export.

    Raises:
        ImportFormatError: the text is not an export, or its messages do not make histories.
    """
    form = _read_form(text)
    try:
        messages = read_values(
            replace_surrogates([one["message"] for one in form["entries"]]),
            [form["message_version"]] * len(form["entries"]),
        )
    except HistoryError as error:
        raise ImportFormatError(str(error)) from error
    entries: dict[str, SessionEntry] = {}
    for raw, message in zip(form["entries"], messages, strict=True):
        parent = _known(entries, raw["parent_id"])
        [entry] = parts.entries_after(parent, [message], run_id=raw.get("run_id"))
        if raw["id"] in entries:
            raise ImportFormatError(f"Two entries have the id {raw['id']!r}.")
        entries[raw["id"]] = replace(entry, created_at=raw["created_at"])
    head = _known(entries, form["head"])
    if (head is None) != (not entries):
        raise ImportFormatError("A conversation with entries has a head, and none without.")
    _check_branches(list(entries.values()))
    info = parts.new_session(tenant=tenant, agent=form["agent"], title=form["title"])
    info = replace(info, head=None if head is None else head.id)
    return NewSession(info=info, entries=tuple(entries.values()))


def _read_form(text: str) -> _Form:
    try:
        # Not pydantic's own reader, which refuses the escapes of lone surrogates.
        return _form().validate_python(json.loads(text))
    except (json.JSONDecodeError, RecursionError) as error:
        raise ImportFormatError(f"This is not an exported session: not JSON: {error}.") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ImportFormatError(
            f"This is not an exported session: {place or 'the text'}: {first['msg']}."
        ) from error


def _known(entries: Mapping[str, SessionEntry], name: str | None) -> SessionEntry | None:
    """Return the entry of an id in the export; None for None."""
    if name is None:
        return None
    if name not in entries:
        raise ImportFormatError(f"The entry {name!r} is named before it is written, or never.")
    return entries[name]


def _check_branches(entries: Sequence[SessionEntry]) -> None:
    """Return if each branch makes a history.

    Raises:
        ImportFormatError: one does not.
    """
    by_id = {entry.id: entry for entry in entries}
    parents = {entry.parent_id for entry in entries}
    for leaf in entries:
        if leaf.id in parents:
            continue
        path = [leaf]
        while path[-1].parent_id is not None:
            path.append(by_id[path[-1].parent_id])
        try:
            History(entry.message for entry in reversed(path))
        except HistoryError as error:
            raise ImportFormatError(f"A branch of the session is not a history: {error}") from error
