"""Find what the planner needs in a conversation: the last question, the calls, their results.

In:  the messages of a request, tools, choice.
Out: `PlanRequest`.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date

from agentkit.dialect.received_request import ReceivedRequest
from agentkit.json_schema import JsonValue
from agentkit.message import AssistantMessage, Message, ToolResult, UserMessage
from agentkit.sandbox.planner.plan_request import CallRecord, PlanRequest


def build_plan_request(
    request: ReceivedRequest, *, parallel_by_default: bool, today: date
) -> PlanRequest:
    """Return what the planner is asked; the last text of the user is the question."""
    messages = request.messages
    users = [place for place, one in enumerate(messages) if isinstance(one, UserMessage)]
    start = users[-1] if users else -1
    last = messages[start] if users else None
    parallel = request.settings.parallel_tool_calls
    return PlanRequest(
        question=last.text if isinstance(last, UserMessage) else "",
        tools=request.tools,
        choice=request.tool_choice,
        made=find_past_calls(messages[start + 1 :]),
        parallel=parallel_by_default if parallel is None else parallel,
        today=today,
    )


def find_past_calls(messages: Sequence[Message]) -> tuple[CallRecord, ...]:
    """Pair calls with their results, by id if the ids of an answer differ, else by position."""
    made: list[CallRecord] = []
    for place, message in enumerate(messages):
        if not isinstance(message, AssistantMessage):
            continue
        calls = message.tool_calls
        following = messages[place + 1 :][: len(calls)]
        results = [one for one in following if isinstance(one, ToolResult)]
        by_id = {result.call_id: result.text for result in results}
        are_ids_distinct = len({call.id for call in calls}) == len(calls)
        for position, call in enumerate(calls):
            at_position = results[position].text if position < len(results) else None
            result = by_id.get(call.id) if are_ids_distinct else at_position
            arguments = _read_arguments(call.arguments)
            made.append(CallRecord(name=call.name, arguments=arguments, result=result))
    return tuple(made)


def find_call_ids(messages: Sequence[Message]) -> frozenset[str]:
    """Return the ids of all calls in a conversation."""
    return frozenset(
        call.id
        for message in messages
        if isinstance(message, AssistantMessage)
        for call in message.tool_calls
    )


def _read_arguments(arguments: str) -> Mapping[str, JsonValue]:
    try:
        value = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return {}  # a broken call of an earlier answer: that it was made is all that matters
    return value if isinstance(value, dict) else {}
