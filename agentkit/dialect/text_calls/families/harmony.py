"""gpt-oss: the Harmony format, in which an answer consists of messages on channels.

In:  a cursor after a header's start.
Out: `HARMONY`.

`<|channel|>commentary to=functions.NAME <|constrain|>json<|message|>{...}<|call|>`; the recipient
may also be in the role part of the header, before the channel. The format is
https://github.com/openai/harmony/blob/main/docs/format.md. An answer that begins with a header is
read by `channels`, message by message; this family covers headers that a server left in the middle.
"""

import re

from agentkit.dialect.lenient_json import LenientJsonError
from agentkit.dialect.text_calls.grammar import Cursor, Family, NotACallError, broken_call
from agentkit.dialect.tool_call_assembler import CallDraft

_CHANNEL_STARTS = ("<|channel|>commentaryto=", "<|channel|>analysisto=", "<|channel|>finalto=")
_ROLE_STARTS = ("<|start|>assistantto=",)
_HEADER = re.compile(r"\s*(?P<name>[^\s<|]{1,160})(?P<rest>.{0,120}?)<\|message\|>\s*", re.S)


def _read(cursor: Cursor, _opener: str) -> list[CallDraft]:
    """Read the message after a header with a recipient."""
    header = cursor.match(_HEADER)
    if header is None:
        raise NotACallError
    return [read_message_call(cursor, header.group("name"))]


def read_message_call(cursor: Cursor, recipient: str) -> CallDraft:
    """Return the call that a message to `recipient` is, whatever its content."""
    start = cursor.at
    known = cursor.tools.known(recipient)
    name = known or recipient.removeprefix("functions.")
    try:
        value, repairs = cursor.value()
    except LenientJsonError:
        value, repairs = None, ()
    if not isinstance(value, dict):
        cursor.at = len(cursor.text)
        return broken_call(name, cursor.text[start:])
    return cursor.call(name, value, repairs=repairs)


HARMONY = Family(
    name="gpt-oss",
    openers=(*_CHANNEL_STARTS, *_ROLE_STARTS),
    read=_read,
    closers=("<|call|>", "<|end|>"),
    special_tokens=("<|return|>", "<|end|>", "<|call|>", "<|start|>assistant"),
)
