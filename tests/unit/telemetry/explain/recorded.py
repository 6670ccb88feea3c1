"""Records of a run in which much happened, for the tests of its explanation.

In:  nothing.
Out: `RECORDS`: a queue, retries, a failover, a repaired answer, a nested agent, a rejected call, a
     wait for an approval, a lost process, a failed tool.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from agentkit.chat import FailedExchange, Repair
from agentkit.event import (
    AnswerRepaired,
    ApprovalDecided,
    EventRecord,
    ModelFailedOver,
    ModelResponded,
    ModelRetried,
    RunEvent,
    RunFinished,
    RunResumed,
    RunStarted,
    ToolCallFinished,
    ToolCallRejected,
    ToolCallStarted,
    TurnStarted,
)
from agentkit.message import AssistantMessage, ToolCall, ToolResult
from agentkit.usage import Usage

BEGIN = datetime(2026, 11, 27, 14, 2, 11, tzinfo=UTC)
RUN = "order-7-refund"
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\x1b[31m\u202e"

_FIND = ToolCall(id="find00001", name="find_order", arguments='{"order_id": "7"}')
_POLICY = ToolCall(id="poli00001", name="get_policy", arguments='{"topic": "broken"}')
_ASK = ToolCall(id="rese00001", name="researcher", arguments='{"prompt": "Breakage?"}')
_SEARCH = ToolCall(id="sear00001", name="search", arguments='{"query": "breakage"}')
_REFUND = ToolCall(id="refu00001", name="refund", arguments='{"order_id": "7", "amount": 89.9}')


def _at(seconds: float, event: RunEvent, **more: Any) -> EventRecord:
    named = {"run_id": RUN, "seq": 1, **more}
    return EventRecord(event=event, at=BEGIN + timedelta(seconds=seconds), **named)


def responded(turn: int, *calls: ToolCall, text: str = "", seconds: float = 1.0) -> ModelResponded:
    """Return an answer that cost a tenth of a cent."""
    return ModelResponded(
        turn=turn,
        message=AssistantMessage(text or (), tool_calls=calls),
        finish_reason="tool_calls" if calls else "stop",
        usage=Usage(input_tokens=1000, output_tokens=100, cost_usd=Decimal("0.001")),
        seconds=seconds,
        model="mixtral",
        provider="openrouter",
    )


def _inner(seconds: float, event: RunEvent) -> EventRecord:
    return _at(seconds, event, run_id="inner", parent_id=RUN, call_id=_ASK.id)


def _ended(reason: Any) -> RunFinished:
    usage = Usage(input_tokens=3000, output_tokens=300)
    return RunFinished(text="Done.", stop_reason=reason, usage=usage, turns=3)


RECORDS: tuple[EventRecord, ...] = (
    _at(
        0.5,
        RunStarted(
            agent="support", model="route:mixtral", queued_at=BEGIN + timedelta(seconds=0.1)
        ),
    ),
    _at(0.5, TurnStarted(turn=1)),
    _at(0.8, ModelRetried(attempt=1, kind="rate_limit", error="429", wait_seconds=1.2)),
    _at(
        2.1,
        ModelFailedOver(
            failure=FailedExchange(model="together:mixtral", kind="rate_limit", error="429 again")
        ),
    ),
    _at(3.6, responded(1, _FIND, _POLICY, _ASK)),
    _at(3.6, ToolCallStarted(call=_FIND)),
    _at(
        3.6,
        ToolCallRejected(call=_POLICY, result=ToolResult(_POLICY.id, "No such tool.")),
    ),
    _at(3.6, ToolCallStarted(call=_ASK)),
    _at(3.7, ToolCallFinished(call=_FIND, result=ToolResult(_FIND.id, "A lamp."), seconds=0.1)),
    _inner(3.7, RunStarted(agent="researcher", model="mixtral")),
    _inner(3.7, TurnStarted(turn=1)),
    _inner(4.8, responded(1, _SEARCH)),
    _inner(4.8, ToolCallStarted(call=_SEARCH)),
    _inner(
        5.6,
        ToolCallFinished(
            call=_SEARCH, result=ToolResult(_SEARCH.id, HOSTILE, is_error=True), seconds=0.8
        ),
    ),
    _inner(5.6, TurnStarted(turn=2)),
    _inner(7.0, responded(2, text="Within 30 days.")),
    _inner(7.0, _ended("answered")),
    _at(7.0, ToolCallFinished(call=_ASK, result=ToolResult(_ASK.id, "30 days."), seconds=3.4)),
    _at(7.0, TurnStarted(turn=2)),
    _at(
        8.9,
        AnswerRepaired(
            repair=Repair(
                kind="value",
                before='{"amount": "89,90"}',
                after='{"amount": 89.9}',
                call_id=_REFUND.id,
                reason="the amount was text",
            )
        ),
    ),
    _at(9.0, responded(2, _REFUND)),
    _at(9.0, _ended("suspended")),
    _at(261.0, RunStarted(agent="support", model="route:mixtral"), segment=2),
    _at(
        261.0,
        ApprovalDecided(
            call_id=_REFUND.id, verdict="allow", arguments='{"amount": 80}', decided_by="mara"
        ),
        segment=2,
    ),
    _at(261.0, ToolCallStarted(call=_REFUND), segment=2),
    _at(264.0, RunResumed(life=2), segment=2),
    _at(
        264.2,
        ToolCallFinished(call=_REFUND, result=ToolResult(_REFUND.id, "booked"), seconds=0.2),
        segment=2,
    ),
    _at(264.2, TurnStarted(turn=3), segment=2),
    _at(266.5, responded(3, text=f"Booked. {HOSTILE}"), segment=2),
    _at(266.5, _ended("answered"), segment=2),
)
