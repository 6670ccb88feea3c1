"""Hermes, Qwen 2.5, Qwen 3 and many others: JSON in `<tool_call>` tags.

In:  a cursor after an opening tag.
Out: `HERMES`.

The format is https://github.com/NousResearch/Hermes-Function-Calling. Granite writes
`<|tool_call|>` and a list, others `<tool_calls>` or `<function_call>`.
"""

from agentkit.dialect.text_calls.grammar import Cursor, Family, ReasoningTags
from agentkit.dialect.text_calls.markers import canonical
from agentkit.dialect.text_calls.plain_body import read_plain_body
from agentkit.dialect.tool_call_assembler import CallDraft

_OPENERS = (
    "<toolcall>",
    "<toolcalls>",
    "<|toolcall|>",
    "<|toolcalls|>",
    "<functioncall>",
    "<functioncalls>",
    "<|functioncall|>",
    "<|functioncalls|>",
)
_CLOSERS = (
    "</tool_call>",
    "</tool_calls>",
    "</function_call>",
    "</function_calls>",
    "<|/tool_call|>",
    "<|/tool_calls|>",
    "</|tool_call|>",
    "</|tool_calls|>",
    "<|/function_call|>",
    "</|function_call|>",
)
_ENDS = tuple(map(canonical, (*_CLOSERS, "<|im_end|>")))


def _read(cursor: Cursor, _opener: str) -> list[CallDraft]:
    """Read one call after a tag."""
    return read_plain_body(cursor, openers=_OPENERS, ends=_ENDS)


HERMES = Family(
    name="Hermes",
    openers=_OPENERS,
    read=_read,
    closers=_CLOSERS,
    special_tokens=(
        "<|im_start|>assistant",
        "<|im_start|>",
        "<|im_end|>",
        "<|endoftext|>",
        "</tool_response>",
    ),
    result_markers=("<tool_response>", "<|tool_response|>"),
    reasoning=(
        ReasoningTags(opening="<think>", closing="</think>"),
        ReasoningTags(opening="<thinking>", closing="</thinking>"),
    ),
)
