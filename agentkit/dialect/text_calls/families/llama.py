"""Llama 3 and 4: `<|python_tag|>` with JSON, and Python calls between `<|python_start|>` tags.

In:  a cursor after the tag.
Out: `LLAMA`.

The format is https://github.com/meta-llama/llama-models (prompt_format.md). Most Llama answers have
no tag at all; a plain JSON object or list of Python calls is read by `unmarked_calls`.
"""

import re

from agentkit.dialect.text_calls.grammar import Cursor, Family
from agentkit.dialect.text_calls.json_calls import read_json_calls
from agentkit.dialect.text_calls.plain_body import read_plain_body
from agentkit.dialect.text_calls.python_calls import read_python_arguments
from agentkit.dialect.tool_call_assembler import CallDraft

_ENDS = ("<|pythonend|>", "<|eomid|>", "<|eom|>", "<|eotid|>", "<|eot|>")
_NEXT_OBJECT = re.compile(r"\s*;\s*(?=\{)")
_CALL_METHOD = re.compile(r"\s*(?P<name>[\w-]{1,128})\.call(?=\()")


def _read(cursor: Cursor, _opener: str) -> list[CallDraft]:
    """Read the calls after a tag; built-in tools are written `name.call(...)`."""
    method = cursor.match(_CALL_METHOD)
    if method is not None:
        return [read_python_arguments(cursor, method.group("name"))]
    calls = read_plain_body(cursor, ends=_ENDS)
    # Several objects are separated by semicolons, without another tag.
    while calls[-1].rejection is None and cursor.match(_NEXT_OBJECT):
        calls += read_json_calls(cursor)
    return calls


LLAMA = Family(
    name="Llama",
    openers=("<|python_tag|>", "<python_tag>", "<|python_start|>"),
    read=_read,
    closers=("<|python_end|>", "<|eom_id|>", "<|eom|>"),
    special_tokens=(
        "<|begin_of_text|>",
        "<|end_of_text|>",
        "<|start_header_id|>assistant<|end_header_id|>",
        "<|header_start|>assistant<|header_end|>",
        "<|eot_id|>",
        "<|eot|>",
    ),
    result_markers=("<|start_header_id|>ipython", "<|header_start|>ipython"),
)
