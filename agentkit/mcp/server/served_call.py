"""Run one `tools/call` through the same steps as a model's call in a run.

In:  the request, the current tools, the settings.
Out: the result; a request to the client; or a JSON-RPC error if the request itself is invalid.

A client's call is validated, repaired, approved, limited and truncated like a model's call in a
run. An error that the client's model can correct is a result with `isError`.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError

from agentkit.dialect.tool_names import unwrap_name
from agentkit.event import (
    EventRecord,
    RunEvent,
    RunStarted,
    ToolCallStarted,
    ToolProgressed,
    TurnStarted,
)
from agentkit.history import History
from agentkit.mcp.convert import result_to_mcp
from agentkit.mcp.server.approval_requests import request_approval
from agentkit.mcp.server.call_state import CallState
from agentkit.mcp.server.client_context import CallScope, ClientContext, InputRequired
from agentkit.mcp.server.server_settings import ServerSettings
from agentkit.message import ToolCall, ToolResult
from agentkit.tools.approval import plan_call, validate_edited
from agentkit.tools.confirmation import returned_call
from agentkit.tools.execute import execute_calls
from agentkit.tools.run_context import RunLink
from agentkit.tools.tool import Tool
from agentkit.tools.tool_run import CallOptions
from agentkit.tools.validate import ReadyCall, validate_off_loop


async def serve_call(
    context: ServerRequestContext[Any],
    params: types.CallToolRequestParams,
    *,
    state: CallState,
    tools: Mapping[str, Tool],
    settings: ServerSettings,
) -> types.CallToolResult | types.InputRequiredResult:
    """Answer a `tools/call`.

    Args:
        context: the request.
        params: the same, read.
        state: the state from earlier round trips of the call.
        tools: the tools that the server lists.
        settings: the settings for all calls.

    Raises:
        MCPError: there is no such tool, or it needs something that the client does not support.
    """
    client = ClientContext(context, state=state)
    call = ToolCall(
        id=state.call_id, name=params.name, arguments=json.dumps(params.arguments or {})
    )
    checked = await validate_off_loop(call, tools, deps=settings.deps)
    if isinstance(checked, ToolResult):
        if params.name not in tools and unwrap_name(params.name, tools.keys()) is None:
            # https://modelcontextprotocol.io/specification/2025-11-25/server/tools#error-handling
            raise MCPError(types.INVALID_PARAMS, checked.text)
        return result_to_mcp(checked)
    try:
        result = await _run(checked, client=client, tools=tools, settings=settings)
    except InputRequired as needed:
        return state.input_required(needed.requests)
    lacks = client.missing(result)
    if lacks is not None and client.is_modern:
        raise _missing_capability_error(lacks, result)
    structured = result.structured_content
    if not (client.is_modern or structured is None or isinstance(structured, Mapping)):
        result = replace(result, structured_content=None)  # objects only, before 2026-07-28
    return result_to_mcp(result)


async def _run(
    ready: ReadyCall, *, client: ClientContext, tools: Mapping[str, Tool], settings: ServerSettings
) -> ToolResult:
    """Decide whether a call may run, and run it."""
    verdict = (await plan_call(ready, rule=settings.approve, approvals={})).verdict
    if verdict.decision == "ask" and not ready.tool.is_external:
        verdict = await request_approval(client, ready, verdict)
    if verdict.arguments is not None:
        edited = validate_edited(ready.call, verdict.arguments, tools, deps=settings.deps)
        if isinstance(edited, ToolResult):
            return edited
        ready = edited
    if verdict.decision != "allow":
        reason = f" {verdict.reason}" if verdict.reason else ""
        return ToolResult(
            ready.call.id,
            f"The call of {ready.tool.name!r} was denied and not run.{reason}",
            is_error=True,
        )
    unconfirmed = returned_call(ready, History())
    if unconfirmed is not None and verdict.arguments is None:
        return unconfirmed
    progress = _Progress(client)
    link = RunLink(
        run=CallScope(client=client), emit=progress.forward, listener=progress.forward_record
    )
    options = CallOptions(
        deps=settings.deps,
        emit=progress.forward,
        clock=settings.clock,
        timeout_seconds=settings.timeout_seconds,
        max_characters=settings.max_characters,
        concurrency_limits=settings.concurrency,
        link=lambda _: link,
    )
    (result,) = await execute_calls([ready], options)
    return result


class _Progress:
    """Reports a call's progress to the client: the tool's own, or the steps of nested agents."""

    def __init__(self, client: ClientContext) -> None:
        self._client = client
        self._agents: dict[str, str] = {}
        self._last = -1.0
        self._steps = 0
        self._reports = False

    async def forward(self, event: RunEvent) -> None:
        """Forward an event if it is progress."""
        if isinstance(event, ToolProgressed):
            self._reports = True
            await self._notify(event.progress, event.total, event.message)

    async def forward_record(self, record: EventRecord) -> None:
        """Pass on the steps of an agent that runs inside the call, unless its tool reports."""
        if isinstance(record.event, RunStarted):
            self._agents[record.run_id] = record.event.agent
        message = _describe_step(record.event, agent=self._agents.get(record.run_id, "agent"))
        if message is not None and not self._reports:
            self._steps += 1
            await self._notify(float(self._steps), None, message)

    async def _notify(self, progress: float, total: float | None, message: str | None) -> None:
        # Must increase: https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/progress
        if progress > self._last:
            self._last = progress
            await self._client.report_progress(progress, total, message)


def _describe_step(event: RunEvent, *, agent: str) -> str | None:
    """Return what an agent does, in a few words; None for an event that is not a step."""
    match event:
        case TurnStarted(turn=turn):
            return f"{agent}: turn {turn}"
        case ToolCallStarted(call=call):
            return f"{agent}: {call.name}"
        case _:
            return None


def _missing_capability_error(lacks: types.ClientCapabilities, result: ToolResult) -> MCPError:
    """Return the error for a call that needs what the client does not support."""
    data = types.MissingRequiredClientCapabilityErrorData(required_capabilities=lacks)
    return MCPError(
        types.MISSING_REQUIRED_CLIENT_CAPABILITY,
        result.text,
        data.model_dump(mode="json", by_alias=True, exclude_none=True),
    )
