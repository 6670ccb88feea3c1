"""Conversations as Markdown, to be read and edited by people.

In:  a conversation and the messages up to its head; or the text of an export.
Out: the text; or a new conversation with the same messages.

A message of plain text is a heading (`## User`, `## Assistant`, `## System`) and its text. Any
other message is a heading with *message* in it and its JSON in a fenced block. A line of text that
could be read as such a heading gets a backslash in front, which Markdown does not show.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from agentkit.errors import HistoryError
from agentkit.history import VERSION, History
from agentkit.message import AssistantMessage, Message, SystemMessage, UserMessage
from agentkit.session.message_codec import encode_json, message_value, read_values
from agentkit.session.parts import SessionParts
from agentkit.session.session_errors import ImportFormatError
from agentkit.session.values import NewSession, SessionInfo
from agentkit.store.text_repair import repair_text
from agentkit.surrogates import replace_surrogates

_PLAIN: Mapping[str, type[UserMessage | AssistantMessage | SystemMessage]] = {
    "## User": UserMessage,
    "## Assistant": AssistantMessage,
    "## System": SystemMessage,
}
_OTHER = {
    "user": "## User message",
    "assistant": "## Assistant message",
    "system": "## System message",
    "tool": "## Tool message",
}
_HEADINGS = frozenset({*_PLAIN, *_OTHER.values()})

_FENCE = "```json message-version="

_LOOKS_LIKE_HEADING = re.compile(r"^(\\*## )", re.MULTILINE)
_ESCAPED_HEADING = re.compile(r"^\\(\\*## )", re.MULTILINE)


def write_markdown(info: SessionInfo, messages: Iterable[Message]) -> str:
    """Return the messages of a conversation as Markdown."""
    parts = [f"# {info.title or 'Untitled'}\n"]
    for message in messages:
        text = _plain_text(message)
        if text is None:
            value = encode_json(message_value(message), indent=2)
            heading, text = _OTHER[message.role], f"{_FENCE}{VERSION}\n{value}\n```"
        else:
            heading = f"## {message.role.capitalize()}"
            text = _LOOKS_LIKE_HEADING.sub(r"\\\1", text)
        parts.append(f"\n{heading}\n\n{text}\n")
    return "".join(parts)


def read_markdown(text: str, *, tenant: str, parts: SessionParts) -> NewSession:
    """Return a new conversation with the messages of an export.

    Raises:
        ImportFormatError: the text is not an export, or its messages are not a history.
    """
    first, _, rest = replace_surrogates(text).partition("\n")
    if not first.startswith("# "):
        raise ImportFormatError("This is not an exported session: it begins with '# ' and a title.")
    messages = list(_read_messages(rest.split("\n")))
    try:
        History(messages)
    except HistoryError as error:
        raise ImportFormatError(f"The session is not a history: {error}") from error
    entries = parts.entries_after(None, messages)
    info = parts.new_session(tenant=tenant, title=first.removeprefix("# "))
    info = replace(info, head=entries[-1].id if entries else None)
    return NewSession(info=info, entries=entries)


def _plain_text(message: Message) -> str | None:
    """Return the text of a message that is nothing but text which a file keeps as it is."""
    if isinstance(message, SystemMessage | UserMessage | AssistantMessage):
        text = message.text
        if text and "\r" not in text and repair_text(text) == text:
            return text if _plain_message(type(message), text) == message else None
    return None


def _plain_message(
    kind: type[SystemMessage | UserMessage | AssistantMessage], text: str
) -> SystemMessage | UserMessage | AssistantMessage:
    return SystemMessage(text) if issubclass(kind, SystemMessage) else kind(text)


def _read_messages(lines: Iterable[str]) -> Iterator[Message]:
    """Yield the messages of an export without its title.

    Raises:
        ImportFormatError: there is text before the first heading, or a block that is not a message.
    """
    heading = ""
    body: list[str] = []
    for line in [*lines, None]:
        if line is not None and line not in _HEADINGS:
            body.append(line)
            continue
        if heading:
            yield _read_message(heading, _without_margins(body))
        elif stray := "".join(body):
            raise ImportFormatError(f"There is text before the first heading: {stray[:80]!r}.")
        heading, body = line or "", []


def _without_margins(lines: list[str]) -> str:
    """Return lines without the empty one at the beginning and the one at the end."""
    if lines and not lines[0]:
        lines = lines[1:]
    if lines and not lines[-1]:
        lines = lines[:-1]
    return "\n".join(lines)


def _read_message(heading: str, body: str) -> Message:
    kind = _PLAIN.get(heading)
    if kind is not None:
        return _plain_message(kind, _ESCAPED_HEADING.sub(r"\1", body))
    first, _, rest = body.strip().partition("\n")
    version = first.removeprefix(_FENCE)
    if not version.isdecimal() or not rest.endswith("\n```"):
        raise ImportFormatError(f"Under {heading!r} there is no block '{_FENCE}{VERSION}'.")
    try:
        value = json.loads(rest.removesuffix("\n```"))
        [message] = read_values([value], [int(version)])
    except (ValueError, RecursionError, HistoryError) as error:
        raise ImportFormatError(f"The block under {heading!r} is not a message: {error}") from error
    return message
