"""Kimi K2: section tokens, and an id that holds the name.

In:  a cursor after an opener.
Out: `KIMI_K2`.

`<|tool_call_begin|>functions.NAME:INDEX<|tool_call_argument_begin|>{...}<|tool_call_end|>`, inside
`<|tool_calls_section_begin|>`; https://huggingface.co/moonshotai/Kimi-K2-Instruct.
"""

import re

from agentkit.dialect.lenient_json import LenientJsonError
from agentkit.dialect.text_calls.grammar import (
    Cursor,
    Family,
    NotACallError,
    ReasoningTags,
    broken_call,
)
from agentkit.dialect.tool_call_assembler import CallDraft

_SECTION = "<|toolcallssectionbegin|>"
_CALL = "<|toolcallbegin|>"
_ARGUMENTS = "<|toolcallargumentbegin|>"
_ID = re.compile(r"\s*(?P<id>[^\s<{]{1,160})\s*")
_INDEX = re.compile(r":\d{1,6}\Z")
_NOISE = re.compile(r"[^<]{0,200}")


def _read(cursor: Cursor, opener: str) -> list[CallDraft]:
    """Read one call; text between the section and its first call is noise."""
    if opener == _SECTION:
        cursor.match(_NOISE)
        if not cursor.take(_CALL):
            raise NotACallError
    found = cursor.match(_ID)
    if found is None or not cursor.take(_ARGUMENTS):
        raise NotACallError
    name = _INDEX.sub("", found.group("id"))
    cursor.skip_space()
    start = cursor.at
    try:
        value, repairs = cursor.value()
    except LenientJsonError:
        value, repairs = None, ()
    if not isinstance(value, dict):
        cursor.at = len(cursor.text)
        return [broken_call(cursor.tools.known(name) or name, cursor.text[start:])]
    return [cursor.call(name, value, repairs=repairs)]


KIMI_K2 = Family(
    name="Kimi K2",
    openers=(_SECTION, _CALL),
    read=_read,
    closers=("<|tool_call_end|>", "<|tool_calls_section_end|>"),
    special_tokens=(
        "<|im_assistant|>assistant<|im_middle|>",
        "<|im_assistant|>",
        "<|im_middle|>",
        "<|im_system|>",
        "<|im_user|>",
        "<|im_end|>",
        "[BOS]",
        "[EOS]",
        "[EOT]",
    ),
    reasoning=(
        ReasoningTags(opening="<think>", closing="</think>"),
        ReasoningTags(opening="\u25c1think\u25b7", closing="\u25c1/think\u25b7"),
    ),
)
