"""How conversations look in a notebook.

In:  messages, which may hold any text.
Out: HTML in which that text is escaped.
"""

from collections.abc import Iterable
from html import escape

from agentkit.message import AssistantMessage, Message

MAX_CHARACTERS = 2000
"""The most that is shown of one message."""


def messages_to_html(messages: Iterable[Message]) -> str:
    """Return a table: the role of each message, its text and its calls."""
    rows = "".join(
        f"<tr><th>{escape(message.role)}</th><td><pre>{_shown(_text_of(message))}</pre></td></tr>"
        for message in messages
    )
    return f"<table>{rows}</table>"


def result_to_html(output: str, facts: str, messages: Iterable[Message]) -> str:
    """Return an output and what is known of its run, above the conversation."""
    return (
        f"<pre>{_shown(output)}</pre><p>{escape(facts)}</p>"
        f"<details><summary>Conversation</summary>{messages_to_html(messages)}</details>"
    )


def _text_of(message: Message) -> str:
    if not isinstance(message, AssistantMessage):
        return message.text
    calls = [f"{call.name}({call.arguments})" for call in message.tool_calls]
    return "\n".join([*([message.text] if message.text else []), *calls])


def _shown(text: str) -> str:
    if len(text) <= MAX_CHARACTERS:
        return escape(text)
    return f"{escape(text[:MAX_CHARACTERS])}… [{len(text) - MAX_CHARACTERS} more characters]"
