"""Give the calls of an answer their final names and ids.

In:  calls as they were read, the history they belong to.
Out: `ToolCall`s with our names, and ids that are free in the conversation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from agentkit.chat import Repair
from agentkit.dialect.mistral_rules import nine_char_id
from agentkit.dialect.tool_call_assembler import CallDraft, short
from agentkit.history import History
from agentkit.message import ToolCall


def number_calls(
    drafts: Sequence[CallDraft],
    *,
    history: History,
    tool_names: Mapping[str, str],
    needs_no_ids: bool,
) -> tuple[list[ToolCall], list[Repair]]:
    """Return the calls with an id each that is free in the conversation, and all repairs.

    Args:
        drafts: the calls, in order.
        history: what precedes the answer.
        tool_names: wire name to our name.
        needs_no_ids: calls were requested as text, so a missing id is no repair.
    """
    calls: list[ToolCall] = []
    repairs: list[Repair] = []
    taken: set[str] = set()
    for draft in drafts:
        call_id = (draft.id or "").strip()
        if not call_id or call_id in taken or history.has_call(call_id):
            call_id = _free_id(draft, taken, history)
            before = short(draft.id or "")
            if before or not needs_no_ids:
                repairs.append(
                    Repair(kind="minted_id", before=before, after=call_id, call_id=call_id)
                )
        taken.add(call_id)
        calls.append(
            ToolCall(
                id=call_id,
                name=tool_names.get(draft.name, draft.name),
                arguments=draft.arguments,
                rejection=draft.rejection,
            )
        )
        repairs.extend(replace(repair, call_id=call_id) for repair in draft.repairs)
    return calls, repairs


def _free_id(draft: CallDraft, taken: set[str], history: History) -> str:
    """Return nine letters or digits: the same for the same answer, free in the conversation."""
    attempt = len(taken)
    while True:
        seed = f"{len(history)}/{attempt}/{draft.id}/{draft.name}/{draft.arguments}"
        call_id = nine_char_id(seed)
        if call_id not in taken and not history.has_call(call_id):
            return call_id
        attempt += 1
