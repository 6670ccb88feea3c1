"""Which calls may run: whose decision counts, and for which call exactly."""

import json
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import Any

import anyio.lowlevel
import pytest
from pydantic import TypeAdapter, ValidationError

from agentkit.chat import Repair
from agentkit.errors import HistoryError, UsageError
from agentkit.message import ToolCall, ToolResult
from agentkit.tools.approval import (
    Approval,
    ApprovalRule,
    PlannedCall,
    RuleAnswer,
    Verdict,
    call_digest,
    plan_call,
    validate_edited,
)
from agentkit.tools.tool import Tool, tool
from agentkit.tools.tool_options import Decision
from agentkit.tools.validate import ReadyCall, validate_call

REPAIRED = (Repair(kind="coerced_integer", before="'1'", after="1", call_id="c1"),)
REPAIRED_REASON = "Its arguments were repaired: coerced_integer: '1' became 1"


def pay(amount: int) -> int:
    """Pay."""
    return amount


def ready(made: Tool | None = None, *, is_repaired: bool = False, **options: Any) -> ReadyCall:
    """Return a call of a tool with these options."""
    made = made or tool(**options)(pay)
    found = validate_call(
        ToolCall(id="c1", name=made.name, arguments='{"amount": 1}'), {made.name: made}
    )
    assert isinstance(found, ReadyCall)
    return replace(found, repairs=REPAIRED if is_repaired else ())


async def verdict_of(
    call: ReadyCall,
    *,
    rule: ApprovalRule | None = None,
    approvals: Mapping[str, Approval] | None = None,
) -> Verdict:
    """Return the verdict on a call."""
    return (await plan_call(call, rule=rule, approvals=approvals or {})).verdict


def external() -> Tool:
    """Return a tool that runs elsewhere."""
    return Tool.external(name="pick", description="Pick.", input_schema={"type": "object"})


@pytest.mark.parametrize(
    ("options", "effect"),
    [
        ({}, "once"),
        ({"idempotent": True}, "idempotent"),
        ({"read_only": True}, "read"),
        ({"read_only": True, "idempotent": True}, "read"),
    ],
)
async def test_a_planned_call_names_tool_arguments_and_effect(
    options: dict[str, Any], effect: Any
) -> None:
    """By the annotations of the tool; without any, the worst is assumed."""
    plan = await plan_call(ready(**options), rule=None, approvals={})

    assert plan == PlannedCall(
        call_id="c1", tool_name="pay", effect=effect, verdict=Verdict("allow")
    )


@pytest.mark.parametrize(
    ("options", "is_repaired", "decision", "reason"),
    [
        ({}, False, "allow", ""),
        ({"approval": "ask"}, False, "ask", ""),
        ({"approval": "deny"}, False, "deny", "This tool may not be used here."),
        ({}, True, "allow", ""),
        ({"approval": "ask"}, True, "ask", REPAIRED_REASON),
        ({"approval": "deny"}, True, "deny", "This tool may not be used here."),
        ({"accepts_repaired": True}, True, "allow", ""),
        ({"read_only": True}, True, "allow", ""),
        ({"idempotent": True}, True, "allow", ""),
    ],
)
async def test_without_a_rule_the_tool_decides(
    options: dict[str, Any], is_repaired: bool, decision: Decision, reason: str
) -> None:
    """The approver sees what was repaired."""
    found = await verdict_of(ready(is_repaired=is_repaired, **options))

    assert found == Verdict(decision, reason=reason)


@pytest.mark.parametrize(
    ("approval", "is_repaired", "said", "expected"),
    [
        ("allow", False, None, Verdict("allow")),
        ("ask", False, None, Verdict("ask")),
        ("ask", False, "allow", Verdict("allow")),
        ("allow", False, "deny", Verdict("deny")),
        ("allow", False, "ask", Verdict("ask")),
        ("allow", True, None, Verdict("allow")),
        ("allow", True, "allow", Verdict("allow")),
        ("allow", True, "ask", Verdict("ask", reason=REPAIRED_REASON)),
        ("allow", True, Verdict("ask", reason="why"),
         Verdict("ask", reason="why")),
        ("allow", False, Verdict("allow", arguments='{"amount": 2}'),
         Verdict("allow", arguments='{"amount": 2}')),
        ("deny", False, "allow",
         Verdict("deny", reason="This tool may not be used here.")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_a_rule_decides_unless_it_returns_none(
    approval: Decision, is_repaired: bool, said: RuleAnswer, expected: Verdict, is_async: bool
) -> None:
    """Only a call that the tool denies stays denied."""

    async def later() -> RuleAnswer:
        await anyio.lowlevel.checkpoint()
        return said

    def rule(call: ReadyCall) -> RuleAnswer | Awaitable[RuleAnswer]:
        assert call.arguments == {"amount": 1}
        return later() if is_async else said

    call = ready(approval=approval, is_repaired=is_repaired)

    assert await verdict_of(call, rule=rule) == expected


@pytest.mark.parametrize(
    "made",
    [
        Approval.approve,
        lambda call: Approval.deny(call, reason="no"),
        lambda call: Approval.approve(call, arguments={"amount": 2}),
    ],
)
@pytest.mark.parametrize("approval", ["allow", "ask", "deny"])
async def test_an_approval_of_this_very_call_wins(made: Any, approval: Decision) -> None:
    """Over the tool, over a repair, and over the rule, which is not called again."""
    call = ready(approval=approval, is_repaired=True)
    answer: Approval = made(call.call)

    def rule(_: ReadyCall) -> RuleAnswer:
        pytest.fail("no one is asked twice")

    assert await verdict_of(call, rule=rule, approvals={"c1": answer}) == answer.verdict


@pytest.mark.parametrize(
    "changes", [{"arguments": '{"amount": 100}'}, {"name": "other"}, {"id": "c2"}]
)
async def test_an_approval_of_another_call_is_refused(changes: dict[str, str]) -> None:
    """It was given for the call that was shown, and the call has changed."""
    call = ready()
    answer = replace(Approval.approve(replace(call.call, **changes)), call_id="c1")

    with pytest.raises(HistoryError, match="approval for the call 'c1'"):
        await plan_call(call, rule=None, approvals={"c1": answer})


async def test_approvals_of_missing_calls_are_ignored() -> None:
    """They belong to calls of another turn."""
    other = Approval.deny(ToolCall(id="c9", name="pay"))

    assert await verdict_of(ready(), approvals={"c9": other}) == Verdict("allow")


def test_a_digest_depends_on_each_part_and_its_bounds() -> None:
    """No two calls share one; lone surrogates do not break it."""
    calls = [
        ToolCall(id="a", name="b", arguments="c"),
        ToolCall(id="b", name="a", arguments="c"),
        ToolCall(id="ab", name="", arguments="c"),
        ToolCall(id="a\0001:b", name="", arguments="c"),
        ToolCall(id="a", name="b", arguments="\udcff"),
    ]

    assert len({call_digest(call) for call in calls}) == len(calls)
    assert call_digest(calls[0]) == call_digest(replace(calls[0]))


@pytest.mark.parametrize("said", [None, "allow", "ask", Verdict("allow")])
async def test_an_external_tool_always_waits_for_its_result(said: RuleAnswer) -> None:
    """Whatever the rule returns; there is nothing to run here."""
    found = await verdict_of(ready(external()), rule=lambda _: said)

    assert found.decision == "ask"
    assert found.reason == "This tool runs elsewhere; its result is awaited."


async def test_an_external_tool_can_be_denied() -> None:
    """By the tool, by a rule, by a person."""
    call = ready(external())
    denied = ready(replace(external(), approval="deny"))
    refusal = Approval.deny(call.call, reason="no")

    assert (await verdict_of(denied)).decision == "deny"
    assert (await verdict_of(call, rule=lambda _: "deny")).decision == "deny"
    assert await verdict_of(call, approvals={"c1": refusal}) == refusal.verdict


async def test_an_external_tool_cannot_be_approved() -> None:
    """Its result is what is missing."""
    call = ready(external())

    with pytest.raises(HistoryError, match="Append its result to the history, or deny it"):
        await plan_call(call, rule=None, approvals={"c1": Approval.approve(call.call)})


async def test_an_unknown_verdict_is_refused() -> None:
    """A rule that returns `yes` has decided nothing."""
    with pytest.raises(UsageError, match="returned 'yes'; it must return a Verdict"):
        await verdict_of(ready(), rule=lambda _: "yes")  # type: ignore[arg-type,return-value] # on purpose
    with pytest.raises(ValueError, match="Only an allowed call"):
        Verdict("ask", arguments="{}")


@pytest.mark.parametrize(
    "value",
    [
        Approval.approve(ToolCall(id="c1", name="pay")),
        Approval.deny(ToolCall(id="c1", name="pay"), reason="no"),
        Approval.approve(ToolCall(id="c1", name="pay"), arguments='{"amount": 2}'),
        PlannedCall(
            call_id="c1",
            tool_name="pay",
            effect="once",
            verdict=Verdict("ask", reason="why"),
        ),
    ],
)
def test_approvals_and_planned_calls_are_stored_and_read(value: Approval | PlannedCall) -> None:
    """They wait on disk, and come from other processes."""
    adapter: TypeAdapter[Any] = TypeAdapter(type(value))

    assert adapter.validate_json(adapter.dump_json(value)) == value


def test_a_stored_approval_that_contradicts_itself_is_refused() -> None:
    """A value that is read is checked like one that is made."""
    stored = {"call_id": "c1", "digest": "d", "verdict": {"decision": "deny", "arguments": "{}"}}

    with pytest.raises(ValidationError, match="Only an allowed call"):
        TypeAdapter(Approval).validate_json(json.dumps(stored))


def test_edited_arguments_are_checked_again() -> None:
    """And the model reads which arguments ran."""
    call = ready()
    answer = Approval.approve(call.call, arguments={"amount": 2})
    assert answer.verdict.arguments is not None

    found = validate_edited(call.call, answer.verdict.arguments, {"pay": call.tool})

    assert isinstance(found, ReadyCall)
    assert found.call == ToolCall(id="c1", name="pay", arguments='{"amount": 2}')
    assert (found.arguments, found.bound.named) == ({"amount": 2}, {"amount": 2})
    assert found.note == (
        'The user changed the arguments of this call before it ran, to {"amount": 2}'
    )


@pytest.mark.parametrize("arguments", ['{"amount": "many"}', "{", "[]"])
def test_edited_arguments_that_do_not_fit_are_not_run(arguments: str) -> None:
    """The model reads that the fault is not its own."""
    call = ready()

    found = validate_edited(call.call, arguments, {"pay": call.tool})

    assert isinstance(found, ToolResult)
    assert found.is_error
    assert found.call_id == "c1"
    assert found.text.startswith("The user changed the arguments of this call")
    assert "'pay' was not run" in found.text
