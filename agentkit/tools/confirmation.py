"""Have the model confirm a call whose argument values were repaired.

In:  validated calls, the conversation before them.
Out: the error result that such a call gets in place of running, or nothing if it may run.

A value that had to be guessed (text for a number, a null that is dropped) may not be what the model
meant, and a tool with effects must not act on a guess. The result shows the arguments as they were
read; the next call with exactly these is the confirmation. All of this is read from the history, so
that it holds in every life of a run.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agentkit.history import History
from agentkit.json_schema import JsonValue
from agentkit.message import AssistantMessage, ToolResult
from agentkit.tools.validate import ReadyCall

META_KEY = "agentkit/returned_arguments"
"""Marks, in the `meta` of a result, the arguments that were returned for confirmation."""

_MAX_RETURNED = 2


def returned_call(ready: ReadyCall, history: History) -> ToolResult | None:
    """Return the error result of a call that has to be confirmed; None if it may run.

    Args:
        ready: the call; only repairs of values count, and only for tools with effects.
        history: the conversation before the answer that holds the call.
    """
    tool = ready.tool
    if tool.annotations.read_only_hint or tool.accepts_repaired:
        return None
    if not any(repair.changes_values for repair in ready.repairs):
        return None
    form = _canonical(ready.arguments)
    pending, returned = _returned_before(history, {tool.name, ready.call.name})
    if form == pending:
        return None
    if returned >= _MAX_RETURNED:
        return _result(
            ready,
            "Not run: the arguments do not fit the tool's schema as they were written. Send them "
            "as strict JSON with values of the right types.",
            form=None,
        )
    return _result(
        ready,
        f"Not run: read as {form}. Call again with exactly this to confirm, or with other "
        "arguments.",
        form=form,
    )


def waiting_call(ready: ReadyCall, *, behind: str) -> ToolResult:
    """Return the error result of a call with effects that follows a returned one."""
    return ToolResult(
        ready.call.id,
        f"Not run: it waits for the call before it, of {behind!r}. Call it again after that one.",
        is_error=True,
    )


def without_mark(result: ToolResult) -> ToolResult:
    """Return the result of a tool without agentkit's mark, which a server could have written."""
    meta = result.meta
    if meta is None or META_KEY not in meta:
        return result
    rest = {key: value for key, value in meta.items() if key != META_KEY}
    return replace(result, meta=rest or None)


def _result(ready: ReadyCall, text: str, *, form: str | None) -> ToolResult:
    result = ToolResult(ready.call.id, text, is_error=True)
    return replace(result, meta={META_KEY: form})


def _returned_before(history: History, names: set[str]) -> tuple[str | None, int]:
    """Return the arguments that wait for confirmation, and how many were returned in a row."""
    ids = {
        call.id
        for message in history
        if isinstance(message, AssistantMessage)
        for call in message.tool_calls
        if call.name in names
    }
    pending: str | None = None
    returned = 0
    for message in history:
        if not isinstance(message, ToolResult) or message.call_id not in ids:
            continue
        meta: Mapping[str, JsonValue] = message.meta or {}
        if message.is_error and META_KEY in meta:
            form = meta[META_KEY]
            pending, returned = (form if isinstance(form, str) else None), returned + 1
        else:
            pending, returned = None, 0
    return pending, returned


def _canonical(arguments: Mapping[str, Any]) -> str:
    return json.dumps(dict(arguments), ensure_ascii=False, sort_keys=True)
