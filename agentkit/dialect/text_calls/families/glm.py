"""GLM 4.5 to 5: the name and key/value tags in `<tool_call>`.

In:  a cursor after the tag.
Out: `GLM`.

Strings are written without quotation marks, other values as JSON. GLM 4.5 separates the parts by
line breaks, later versions do not. The last `</arg_value>` is known to be forgotten.
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

_OPENER = "<toolcall>"
_NAME = re.compile(r"\s*(?P<name>[\w.:-]{1,128})(?=\s*(?:<arg_key>|</tool_call>|\Z))")
_TAGS = Tags(
    opening=re.compile(r"\s*<arg_key>\s{0,4}(?P<key>[\w.-]{1,128})\s{0,4}</arg_key>\s*<arg_value>"),
    closing=re.compile(r"</arg_value>"),
    end=re.compile(r"\s*</tool_call>"),
)


def _read(cursor: Cursor, _opener: str) -> list[CallDraft]:
    """Read one call after the tag."""
    found = cursor.match(_NAME)
    if found is None:
        raise NotACallError
    name, start = found.group("name"), cursor.at
    schema = cursor.tools.schema(name)
    try:
        values, repairs = read_tagged(cursor, _TAGS, properties=schema.get("properties") or {})
    except UnreadableValuesError:
        known = cursor.tools.known(name)
        if known is None and cursor.is_at_end:
            raise NotACallError from None
        cursor.at = len(cursor.text)
        return [broken_call(known or name, cursor.text[start:])]
    return [cursor.call(name, typed(values, schema), repairs=repairs)]


GLM = Family(
    name="GLM",
    openers=(_OPENER,),
    read=_read,
    closers=("</tool_call>",),
    special_tokens=(
        "<|system|>",
        "<|user|>",
        "<|assistant|>",
        "<|observation|>",
        "<|endoftext|>",
        "[gMASK]",
        "<sop>",
    ),
    result_markers=("<tool_response>",),
    reasoning=(ReasoningTags(opening="<think>", closing="</think>"),),
)
