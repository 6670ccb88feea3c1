"""MiniMax M2, and models that write Anthropic's XML: `<invoke name="...">` with parameter tags.

In:  a cursor after an opening tag.
Out: `INVOKE_TAG`.
"""

import re

from agentkit.dialect.text_calls.grammar import (
    Cursor,
    Family,
    NotACallError,
    ReasoningTags,
    broken_call,
)
from agentkit.dialect.text_calls.tagged_values import (
    Tags,
    UnreadableValuesError,
    read_tagged,
    typed,
)
from agentkit.dialect.tool_call_assembler import CallDraft

_START = "<invokename="
_WRAPPERS = ("<functioncalls>", "<minimax:toolcall>", "<toolcalls>", "<toolcall>")
_NAME = re.compile(r"[\"']?(?P<name>[\w.:-]{1,128})[\"']?\s{0,4}(?P<empty>/?)>")
_TAGS = Tags(
    opening=re.compile(
        r"\s*<parameter\s{1,4}name=[\"']?(?P<key>[\w.-]{1,128})[\"']?(?:\s[^<>]{0,80})?>"
    ),
    closing=re.compile(r"</parameter>"),
    end=re.compile(r"\s*</invoke>"),
    strips_newline=True,
)


def _read(cursor: Cursor, opener: str) -> list[CallDraft]:
    """Read one invoke tag; after a wrapper it has to come next."""
    if opener in _WRAPPERS and not cursor.take(_START):
        raise NotACallError
    tag = cursor.match(_NAME)
    if tag is None:
        raise NotACallError
    name, start = tag.group("name"), cursor.at
    if tag.group("empty"):
        return [cursor.call(name, {})]
    schema = cursor.tools.schema(name)
    try:
        values, repairs = read_tagged(cursor, _TAGS, properties=schema.get("properties") or {})
    except UnreadableValuesError:
        cursor.at = len(cursor.text)
        return [broken_call(cursor.tools.known(name) or name, cursor.text[start:])]
    return [cursor.call(name, typed(values, schema), repairs=repairs)]


INVOKE_TAG = Family(
    name="MiniMax",
    openers=(_START, *_WRAPPERS),
    read=_read,
    closers=("</invoke>", "</function_calls>", "</minimax:tool_call>", "</tool_calls>"),
    special_tokens=("[e~[", "]~b]ai", "]~!b["),
    result_markers=("<function_results>",),
    reasoning=(ReasoningTags(opening="<think>", closing="</think>"),),
)
