"""Decide whether a call may run, needs approval, or is denied.

In:  validated calls, the rules of tools and callers, approvals given earlier.
Out: a `PlannedCall` for each: its effect, and whether it may run.

A decision covers one call with exactly its arguments. A call with effects whose argument values
were repaired is returned to the model for confirmation, unless a person is asked anyway: a repair
of a value is a guess about what the model meant.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import field, replace
from inspect import isawaitable
from typing import Any, Literal, TypeAlias, get_args

from agentkit.dialect.tool_names import unwrap_name
from agentkit.errors import HistoryError, wrong_return
from agentkit.history import History
from agentkit.json_schema.validator import shorten
from agentkit.message import ToolCall, ToolResult
from agentkit.tools.confirmation import returned_call, waiting_call
from agentkit.tools.tool import Tool
from agentkit.tools.tool_options import QUESTION_TAG, Decision
from agentkit.tools.validate import ReadyCall, validate_call
from agentkit.value import dataclass, record

Effect: TypeAlias = Literal["read", "idempotent", "once"]
"""What a second run of a call does: reads again, changes nothing more, or repeats the effect."""

MAX_SHOWN = 1_000

_DECISIONS: tuple[Decision, ...] = get_args(Decision)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The decision of a rule about a call.

    Attributes:
        decision: `allow`, `ask` or `deny`.
        reason: why, for the person who is asked or the model whose call is denied.
        arguments: JSON text to run with in place of the model's; only with `allow`.
    """

    decision: Decision = field(kw_only=False)
    reason: str = ""
    arguments: str | None = None

    def __post_init__(self) -> None:
        if self.decision not in _DECISIONS:
            raise ValueError(
                f"{self.decision!r} is not a decision about a call; use 'allow', 'ask' or 'deny'."
            )
        if self.arguments is not None and self.decision != "allow":
            raise ValueError("Only an allowed call can get other arguments.")


RuleAnswer: TypeAlias = Verdict | Decision | None
ApprovalRule: TypeAlias = Callable[[ReadyCall], RuleAnswer | Awaitable[RuleAnswer]]
"""A caller's own rule; gets the call with its tool, its validated arguments and its repairs.

None leaves the decision to the tool's `approval`.
Ready-made rules are in `agentkit.tools.rules`.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A person's decision about one call, for exactly the arguments it had.

    Build it with `Approval.approve` or `Approval.deny`.
    """

    call_id: str
    digest: str
    verdict: Verdict

    @classmethod
    def approve(
        cls, call: ToolCall, *, arguments: Mapping[str, Any] | str | None = None
    ) -> "Approval":
        """Let `call` run.

        Args:
            call: the call as it is in the history.
            arguments: run it with these, which replace all of its own; the model is told. Values,
                or JSON text.
        """
        if isinstance(arguments, Mapping):
            arguments = json.dumps(dict(arguments))
        verdict = Verdict("allow", arguments=arguments)
        return cls(call_id=call.id, digest=call_digest(call), verdict=verdict)

    @classmethod
    def deny(cls, call: ToolCall, *, reason: str = "") -> "Approval":
        """Deny `call`; the model gets `reason`."""
        verdict = Verdict("deny", reason=reason)
        return cls(call_id=call.id, digest=call_digest(call), verdict=verdict)


@record
class PlannedCall:
    """What was decided about a call when the model asked for it; a replay keeps the decision.

    Attributes:
        effect: what running it twice would do.
        verdict: whether it may run; with `ask` the call stays open.
        rejection: the error result that it gets in place of running; None to do as `verdict` says.
    """

    call_id: str
    tool_name: str
    effect: Effect
    verdict: Verdict
    rejection: ToolResult | None = None

    @property
    def is_changed(self) -> bool:
        """Return whether the call is not run as the model asked for it."""
        verdict = self.verdict
        return (
            self.rejection is not None
            or verdict.decision == "deny"
            or verdict.arguments is not None
        )


def call_digest(call: ToolCall) -> str:
    """Return the hash of the call's id, name and arguments, which an approval is bound to."""
    parts = (call.id, call.name, call.arguments)
    # The lengths keep parts apart: no two calls can give the same joined text.
    joined = "\0".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()


def check_approval(approval: Approval, call: ToolCall) -> None:
    """Reject an approval that was given for another call.

    Raises:
        HistoryError: id, name or arguments differ from those that were approved.
    """
    if approval.digest != call_digest(call):
        raise HistoryError(
            f"The approval for the call {approval.call_id!r} was given for another call or other "
            f"arguments than those of {call.id!r}; ask again with the call as it is in the history."
        )


def effect_of(tool: Tool) -> Effect:
    """Return the effect class that a tool's annotations give it."""
    if tool.annotations.read_only_hint:
        return "read"
    return "idempotent" if tool.annotations.idempotent_hint else "once"


async def plan_call(
    ready: ReadyCall, *, rule: ApprovalRule | None, approvals: Mapping[str, Approval]
) -> PlannedCall:
    """Decide whether a validated call may run.

    An approval for this very call wins. Otherwise a tool with `approval="deny"` is not run.
    Otherwise the rule decides; if it returns None, the tool's `approval` does. An external tool
    needs a result from outside unless it is denied.

    Args:
        ready: the call.
        rule: the caller's own rule.
        approvals: approvals by call id; those for other calls are ignored.

    Raises:
        HistoryError: an approval was given for other arguments, or it allows the call of an
            external tool.
    """
    given = approvals.get(ready.call.id)
    if given is not None:
        check_approval(given, ready.call)
        _check_runs_here(given, ready)
        verdict = given.verdict
    else:
        verdict = await _decide(ready, rule)
    planned = object.__new__(PlannedCall)  # a call of the class would copy the fields twice
    PlannedCall.__init__(
        planned,
        call_id=ready.call.id,
        tool_name=ready.tool.name,
        effect=effect_of(ready.tool),
        verdict=verdict,
    )
    return planned


async def plan_calls_in_order(
    checked: Sequence[tuple[ToolCall, ReadyCall | ToolResult]],
    *,
    rule: ApprovalRule | None,
    approvals: Mapping[str, Approval],
    history: History,
    tools: Mapping[str, Tool],
) -> tuple[PlannedCall, ...]:
    """Decide which calls of one answer may run.

    Args:
        checked: each call with what its validation gave, in the order asked.
        rule: the caller's own rule.
        approvals: approvals by call id.
        history: the conversation before the answer; it shows which calls were confirmed.
        tools: those on offer.

    Raises:
        HistoryError: an approval is for another call, or for one whose tool is not on offer.
    """
    planned: list[PlannedCall] = []
    returned: str | None = None
    for call, one in checked:
        if isinstance(one, ToolResult):
            _check_is_offered(call, approvals, tools)
            plan = PlannedCall(
                call_id=call.id, tool_name=call.name, effect="read", verdict=_PLAIN["allow"]
            )
        else:
            plan = await plan_call(one, rule=rule, approvals=approvals)
            if plan.verdict.decision == "allow" and call.id not in approvals:
                rejection = returned_call(one, history)
                if rejection is not None:
                    returned = one.tool.name
                elif returned is not None and plan.effect != "read":
                    rejection = waiting_call(one, behind=returned)
                if rejection is not None:
                    plan = replace(plan, rejection=rejection)
        planned.append(plan)
    return tuple(planned)


def validate_edited(
    call: ToolCall, arguments: str, tools: Mapping[str, Tool], *, deps: object = None
) -> ReadyCall | ToolResult:
    """Validate a call again whose arguments a person changed; never raises.

    Args:
        call: the call as the model asked for it.
        arguments: JSON text that replaces the call's own.
        tools: those on offer.
        deps: see `validate_call`.

    Returns:
        A call that may run, with a note for the model; or an error result with the reason.
    """
    ready = validate_call(replace(call, arguments=arguments), tools, deps=deps)
    if isinstance(ready, ReadyCall):
        shown = shorten(arguments, MAX_SHOWN)
        note = f"The user changed the arguments of this call before it ran, to {shown}"
        if QUESTION_TAG in ready.tool.tags:
            note = "The user answered"
        return replace(ready, note=note)
    return ToolResult(
        call.id,
        "The user changed the arguments of this call, and the changed call could not be run. "
        f"This is not your fault.\n{ready.text}",
        is_error=True,
    )


def strictest_verdict(*verdicts: Verdict) -> Verdict:
    """Return the strictest verdict; the first of several that are equally strict."""
    return max(verdicts, key=lambda verdict: _STRICTNESS[verdict.decision])


async def apply_rule(rule: ApprovalRule, ready: ReadyCall) -> Verdict | None:
    """Return the verdict of a rule about a call; None if the rule does not apply.

    Raises:
        UsageError: the rule returned something else, which must not be taken for a permission.
    """
    answer = rule(ready)
    verdict: object = await answer if isawaitable(answer) else answer
    if verdict is None or isinstance(verdict, Verdict):
        return verdict
    plain = _PLAIN_VERDICTS.get(verdict) if isinstance(verdict, str) else None
    if plain is None:
        expected = "a Verdict, 'allow', 'ask', 'deny' or None"
        raise wrong_return(rule, verdict, role="approval rule", expected=expected)
    return plain


_STRICTNESS: Mapping[Decision, int] = {"allow": 0, "ask": 1, "deny": 2}
_PLAIN = {decision: Verdict(decision) for decision in _DECISIONS}
_PLAIN_VERDICTS: Mapping[str, Verdict] = dict(_PLAIN.items())
_EXTERNAL = Verdict("ask", reason="This tool runs elsewhere; its result is awaited.")


async def _decide(ready: ReadyCall, rule: ApprovalRule | None) -> Verdict:
    """Decide about a call that has no approval yet."""
    own = _PLAIN[ready.tool.approval]
    if own.decision == "deny":
        return replace(own, reason="This tool may not be used here.")
    verdict = (None if rule is None else await apply_rule(rule, ready)) or own
    if verdict.decision == "ask" and not verdict.reason and ready.repairs:
        changes = "; ".join(f"{one.kind}: {one.before} became {one.after}" for one in ready.repairs)
        verdict = replace(verdict, reason=f"Its arguments were repaired: {changes}")
    return strictest_verdict(_EXTERNAL, verdict) if ready.tool.is_external else verdict


def _check_is_offered(
    call: ToolCall, approvals: Mapping[str, Approval], tools: Mapping[str, Tool]
) -> None:
    """Reject an approval of a call whose tool the agent does not have."""
    if call.id in approvals and unwrap_name(call.name, tools.keys()) is None:
        raise HistoryError(
            f"The approval for the call {call.id!r} cannot be used: the agent has no tool "
            f"{call.name!r}. Resume the run with the agent that offered it."
        )


def _check_runs_here(given: Approval, ready: ReadyCall) -> None:
    """Reject an approval of an external call, which has no function to run."""
    if ready.tool.is_external and given.verdict.decision != "deny":
        raise HistoryError(
            f"The call {ready.call.id!r} cannot be approved: its tool {ready.tool.name!r} runs "
            "elsewhere. Append its result to the history, or deny it."
        )
