"""Mistral, Mixtral, Ministral, Devstral, Magistral: `[TOOL_CALLS]`.

In:  a cursor after the marker.
Out: `MISTRAL`.

The versions of the tokenizer (https://github.com/mistralai/mistral-common):

- v3, v7: `[TOOL_CALLS] [{"name": ..., "arguments": {...}, "id": ...}]`
- v11: `[TOOL_CALLS]name[CALL_ID]id[ARGS]{...}`
- v13: `[TOOL_CALLS]name[ARGS]{...}`, and reasoning between `[THINK]` and `[/THINK]`
"""

from agentkit.dialect.text_calls.grammar import Cursor, Family, ReasoningTags
from agentkit.dialect.text_calls.plain_body import read_plain_body
from agentkit.dialect.tool_call_assembler import CallDraft

_OPENERS = ("[toolcalls]", "[toolcall]")
_ENDS = ("[/toolcalls]", "[/toolcall]", "</s>")


def _read(cursor: Cursor, _opener: str) -> list[CallDraft]:
    """Read one group after `[TOOL_CALLS]`."""
    return read_plain_body(cursor, openers=_OPENERS, ends=_ENDS)


MISTRAL = Family(
    name="Mistral",
    openers=_OPENERS,
    read=_read,
    closers=("[/TOOL_CALLS]", "[/TOOL_CALL]"),
    special_tokens=(
        "<s>",
        "</s>",
        "<unk>",
        "[INST]",
        "[/INST]",
        "[AVAILABLE_TOOLS]",
        "[/AVAILABLE_TOOLS]",
        "[SYSTEM_PROMPT]",
        "[/SYSTEM_PROMPT]",
        "[/TOOL_RESULTS]",
    ),
    result_markers=("[TOOL_RESULTS]",),
    reasoning=(ReasoningTags(opening="[THINK]", closing="[/THINK]"),),
)
