"""Run one `tools/call` on agentkit's own road.

In:  the request, the tools as they are now, the options.
Out: the result; a question to the client; or a JSON-RPC error where the request itself is wrong.

A call that comes from a client is checked, repaired, asked about, limited and cut like a call of a
model in a run. What the model there can put right is a result with `isError`.
"""

import json
from collections.abc import Mapping
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError

from agentkit.dialect.tool_names import unwrap_name
from agentkit.event import (
    RunEvent,
    SubAgentEvent,
    ToolCallStarted,
    ToolProgressed,
    TurnStarted,
)
from agentkit.mcp.convert import spell_result
from agentkit.mcp.server.approval_requests import ask_about
from agentkit.mcp.server.call_state import Rounds
from agentkit.mcp.server.client_context import Caller, CallScope, InputNeeded
from agentkit.mcp.server.server_settings import ServerOptions
from agentkit.message import ToolCall, ToolResult
from agentkit.tools.approval import plan_call, validate_edited
from agentkit.tools.execute import execute_calls
from agentkit.tools.tool import Tool
from agentkit.tools.validate import ReadyCall, validate_call
from agentkit.value import replace


async def serve_call(
    context: ServerRequestContext[Any],
    params: types.CallToolRequestParams,
    *,
    rounds: Rounds,
    tools: Mapping[str, Tool],
    options: ServerOptions,
) -> types.CallToolResult | types.InputRequiredResult:
    """Answer a `tools/call`.

    Args:
        context: the request.
        params: the same, read.
        rounds: what is known from earlier rounds of it.
        tools: those on offer.
        options: what holds for all calls.

    Raises:
        MCPError: there is no such tool, or it needed something that the client does not offer.
    """
    caller = Caller(context, rounds=rounds)
    call = ToolCall(
        id=rounds.call_id, name=params.name, arguments=json.dumps(params.arguments or {})
    )
    checked = validate_call(call, tools)
    if isinstance(checked, ToolResult):
        if params.name not in tools and unwrap_name(params.name, tools.keys()) is None:
            # https://modelcontextprotocol.io/specification/2025-11-25/server/tools#error-handling
            raise MCPError(types.INVALID_PARAMS, checked.text)
        return spell_result(checked)
    try:
        result = await _run(checked, caller=caller, tools=tools, options=options)
    except InputNeeded as needed:
        return rounds.input_required(needed.requests)
    lacks = caller.missing(result)
    if lacks is not None and caller.is_modern:
        raise _missing(lacks, result)
    structured = result.structured_content
    if not (caller.is_modern or structured is None or isinstance(structured, Mapping)):
        result = replace(result, structured_content=None)  # objects only, before 2026-07-28
    return spell_result(result)


async def _run(
    ready: ReadyCall, *, caller: Caller, tools: Mapping[str, Tool], options: ServerOptions
) -> ToolResult:
    """Settle whether a call may run, and run it."""
    verdict = (await plan_call(ready, rule=options.approve, approvals={})).verdict
    if verdict.decision == "ask" and not ready.tool.is_external:
        verdict = await ask_about(caller, ready, verdict)
    if verdict.arguments is not None:
        edited = validate_edited(ready.call, verdict.arguments, tools)
        if isinstance(edited, ToolResult):
            return edited
        ready = edited
    if verdict.decision != "allow":
        reason = f" {verdict.reason}" if verdict.reason else ""
        return ToolResult.of(
            ready.call.id,
            f"The call of {ready.tool.name!r} was refused and was not run.{reason}",
            is_error=True,
        )
    (result,) = await execute_calls(
        [ready],
        deps=options.deps,
        emit=_Progress(caller, tool=ready.tool.name).hear,
        clock=options.clock,
        timeout_seconds=options.timeout_seconds,
        max_characters=options.max_characters,
        caps=options.caps,
        scope=CallScope(caller=caller),
    )
    return result


class _Progress:
    """Tells the client how far a call is: what the tool reports, or the steps of agents in it."""

    def __init__(self, caller: Caller, *, tool: str) -> None:
        self._caller = caller
        self._tool = tool
        self._last = -1.0
        self._steps = 0
        self._reports = False

    async def hear(self, event: RunEvent) -> None:
        """Pass on what is progress."""
        if isinstance(event, ToolProgressed):
            self._reports = True
            await self._tell(event.progress, event.total, event.message)
        elif isinstance(event, SubAgentEvent) and not self._reports:
            message = _step(event)
            if message is not None:
                self._steps += 1
                await self._tell(float(self._steps), None, message)

    async def _tell(self, progress: float, total: float | None, message: str | None) -> None:
        # It must grow: https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/progress
        if progress > self._last:
            self._last = progress
            await self._caller.report_progress(progress, total, message)


def _step(event: SubAgentEvent) -> str | None:
    """Say what an agent does, in a few words; None for what is not a step."""
    match event.event:
        case TurnStarted(turn=turn):
            return f"{event.agent}: turn {turn}"
        case ToolCallStarted(call=call):
            return f"{event.agent}: {call.name}"
        case SubAgentEvent() as inner:
            return _step(inner)
        case _:
            return None


def _missing(lacks: types.ClientCapabilities, result: ToolResult) -> MCPError:
    """Return the error for a call that needed what the client does not offer."""
    data = types.MissingRequiredClientCapabilityErrorData(required_capabilities=lacks)
    return MCPError(
        types.MISSING_REQUIRED_CLIENT_CAPABILITY,
        result.text,
        data.model_dump(mode="json", by_alias=True, exclude_none=True),
    )
