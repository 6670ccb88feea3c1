"""Serve an agent as a tool.

In:  an agent.
Out: a `Tool` that takes a task as text and returns the agent's answer.

Calls of the agent that need approval are put to the user at the client. If the client cannot be
asked during a call, the conversation so far travels with the request and is continued afterwards:
no tool runs twice. It is encrypted, so that the client can neither read nor change it.
"""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from agentkit.agent.agent import Agent
from agentkit.agent.as_tool import INPUT_SCHEMA, answer_of, describe_agent
from agentkit.agent.options import RunOptions
from agentkit.agent.result import RunResult
from agentkit.errors import AgentKitError, ToolError
from agentkit.history import History
from agentkit.json_schema import JsonObject
from agentkit.mcp.server.approval_requests import approval_request, read_approval
from agentkit.mcp.server.client_context import ClientContext, ClientRequestError, client_of
from agentkit.message import ToolCall
from agentkit.tools.approval import Approval, Verdict, plan_call
from agentkit.tools.run_context import RunContext
from agentkit.tools.tool import Tool
from agentkit.tools.toolset import index_tools
from agentkit.tools.validate import ReadyCall, validate_call

_HISTORY = "history"
_ELSEWHERE = Verdict(
    "deny", reason="It is an external tool, and no one here can provide its result."
)


RunAgent: TypeAlias = Callable[..., Awaitable[RunResult[Any]]]
"""Runs an agent; as `Agent.run`."""


def serve_agent(
    agent: Agent[Any, Any],
    *,
    name: str | None = None,
    description: str | None = None,
    run: RunAgent | None = None,
) -> Tool:
    """Return a tool that runs an agent.

    Args:
        agent: the agent.
        name: of the tool; the agent's own if not given.
        description: of the tool; general words if not given.
        run: runs the agent in place of its `run`.

    Raises:
        ToolDefinitionError: its name is not valid for a tool.
    """

    async def work(context: RunContext[Any], arguments: JsonObject) -> object:
        try:
            return await _work(agent, run or agent.run, context, str(arguments["prompt"]))
        except ToolError:
            raise
        except AgentKitError as error:
            raise ToolError(f"The agent {agent.name!r} gave no answer: {error}") from error

    return Tool.from_schema(
        name=name or agent.name,
        description=description or describe_agent(name or agent.name),
        input_schema=INPUT_SCHEMA,
        handler=work,
        timeout_seconds=math.inf,  # the agent's own budget limits it
    )


async def _work(
    agent: Agent[Any, Any], run: RunAgent, context: RunContext[Any], prompt: str
) -> object:
    """Run the agent, and request approval for its calls, until there is an answer."""
    client = client_of(context)
    kept = None if client is None else client.state.saved.get(_HISTORY)
    if client is None or kept is None:
        result = await run(prompt, **_options(context))
    else:
        history = History.from_json(str(kept))
        result = await _go_on(agent, run, context, client=client, history=history)
    while client is not None and result.stop_reason == "suspended":
        client.state.saved[_HISTORY] = result.history.to_json()
        result = await _go_on(agent, run, context, client=client, history=result.history)
    return answer_of(result, agent=agent.name)


async def _go_on(
    agent: Agent[Any, Any],
    run: RunAgent,
    context: RunContext[Any],
    *,
    client: ClientContext,
    history: History,
) -> RunResult[Any]:
    """Request approval for the open calls of a suspended run, and resume it."""
    waiting = await _waiting(agent, history.open_calls)
    if not waiting:
        names = ", ".join(sorted({call.name for call in history.open_calls}))
        raise ToolError(
            f"The agent {agent.name!r} waits for {names}, which no one here can answer."
        )
    asked = {key: one for key, one in waiting.items() if not one[0].tool.is_external}
    verdicts = dict.fromkeys(waiting, _ELSEWHERE)
    try:
        answers = await client.ask({key: approval_request(*one) for key, one in asked.items()})
    except ClientRequestError as error:
        verdicts |= dict.fromkeys(asked, Verdict("deny", reason=str(error)))
    else:
        verdicts |= {key: read_approval(answer, asked[key][0]) for key, answer in answers.items()}
    approvals = [_approval(waiting[key][0].call, said) for key, said in verdicts.items()]
    options: RunOptions[Any] = {**_options(context, approvals), "history": history}
    return await run(**options)


async def _waiting(
    agent: Agent[Any, Any], calls: tuple[ToolCall, ...]
) -> Mapping[str, tuple[ReadyCall, Verdict]]:
    """Return the calls that need approval, with the reason, by the keys of their requests."""
    found: dict[str, tuple[ReadyCall, Verdict]] = {}
    async with agent.toolset.open():
        tools = index_tools(await agent.toolset.list_tools(History()))
        for call in calls:
            ready = validate_call(call, tools)
            if isinstance(ready, ReadyCall):
                plan = await plan_call(ready, rule=agent.approve, approvals={})
                if plan.verdict.decision == "ask":
                    found[f"approval-{call.id}"] = (ready, plan.verdict)
    return found


def _options(context: RunContext[Any], approvals: Sequence[Approval] = ()) -> RunOptions[Any]:
    """Return the options of each run: its keys are the same in all round trips of the call."""
    return {
        "deps": context.deps,
        "approvals": approvals,
        "within": context,
        "run_id": f"{context.idempotency_key}/",
    }


def _approval(call: ToolCall, verdict: Verdict) -> Approval:
    if verdict.decision == "allow":
        return Approval.approve(call, arguments=verdict.arguments)
    return Approval.deny(call, reason=verdict.reason)
