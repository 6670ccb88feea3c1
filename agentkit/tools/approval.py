"""Decide whether a call may run, must be asked about, or must not run.

In:  checked calls, the rules of tools and callers, answers given earlier.
Out: a `PlannedCall` for each: what it will do, and whether it may.

A decision is about one call with exactly its arguments. A call whose arguments were repaired and
that has side effects is asked about, unless its tool or a rule allows it.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from typing import Literal, TypeAlias, get_args

from agentkit.errors import HistoryError
from agentkit.json_schema import JsonValue
from agentkit.json_schema.violation import shorten
from agentkit.message import ToolCall, ToolResult
from agentkit.tools.tool import Decision, Tool
from agentkit.tools.validate import ReadyCall, validate_call
from agentkit.value import dataclass, maker, replace

Effect: TypeAlias = Literal["read", "idempotent", "once"]
"""What running a call twice does: nothing, nothing more, or the thing twice."""

MAX_SHOWN = 1_000

_DECISIONS: tuple[Decision, ...] = get_args(Decision)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a rule says of a call.

    Attributes:
        decision: `allow`, `ask` or `deny`.
        reason: why, for the person asked or the model refused.
        arguments: JSON text to run with in place of the model's; only with `allow`.
    """

    decision: Decision
    reason: str = ""
    arguments: str | None = None

    def __post_init__(self) -> None:
        if self.decision not in _DECISIONS:
            raise ValueError(
                f"{self.decision!r} is no decision about a call; use 'allow', 'ask' or 'deny'."
            )
        if self.arguments is not None and self.decision != "allow":
            raise ValueError("Only a call that is allowed can be given other arguments.")


Opinion: TypeAlias = Verdict | Decision | None
ApprovalRule: TypeAlias = Callable[[ReadyCall], Opinion | Awaitable[Opinion]]
"""A caller's own rule; sees the call with its tool, its checked arguments and what was repaired.

None leaves the call to what its tool says, and to what repaired arguments call for. Ready-made
rules are in `agentkit.tools.rules`.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A person's answer about one call, for exactly the arguments it had.

    Build it with `Approval.approve`, `Approval.deny` or `Approval.edit`.
    """

    call_id: str
    digest: str
    verdict: Verdict

    @classmethod
    def approve(cls, call: ToolCall) -> "Approval":
        """Let `call` run as it is."""
        return cls(call_id=call.id, digest=digest(call), verdict=Verdict(decision="allow"))

    @classmethod
    def deny(cls, call: ToolCall, *, reason: str = "") -> "Approval":
        """Do not let `call` run; the model is told `reason`."""
        verdict = Verdict(decision="deny", reason=reason)
        return cls(call_id=call.id, digest=digest(call), verdict=verdict)

    @classmethod
    def edit(cls, call: ToolCall, *, arguments: str | Mapping[str, JsonValue]) -> "Approval":
        """Let `call` run with other arguments, all of them; the model is told of the change."""
        text = arguments if isinstance(arguments, str) else json.dumps(dict(arguments))
        verdict = Verdict(decision="allow", arguments=text)
        return cls(call_id=call.id, digest=digest(call), verdict=verdict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCall:
    """What was settled about a call when it was asked for; it stays so in a replay.

    Attributes:
        effect: what running it twice would do.
        verdict: whether it may run; `ask` leaves it open.
    """

    call_id: str
    tool_name: str
    effect: Effect
    verdict: Verdict


_planned = maker(PlannedCall)


def digest(call: ToolCall) -> str:
    """Return what an approval is bound to: the call's id, name and arguments, hashed."""
    parts = (call.id, call.name, call.arguments)
    joined = "\0".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()


def check_approval(approval: Approval, call: ToolCall) -> None:
    """Refuse an answer that was given about another call.

    Raises:
        HistoryError: id, name or arguments differ from those that were approved.
    """
    if approval.digest != digest(call):
        raise HistoryError(
            f"The approval for the call {approval.call_id!r} was given for another call or other "
            f"arguments than those of {call.id!r}; ask again with the call as it stands in the "
            "history."
        )


def effect_of(tool: Tool) -> Effect:
    """Return the effect class that a tool's annotations give it."""
    if tool.annotations.read_only_hint:
        return "read"
    return "idempotent" if tool.annotations.idempotent_hint else "once"


async def plan_call(
    ready: ReadyCall, *, rule: ApprovalRule | None, approvals: Mapping[str, Approval]
) -> PlannedCall:
    """Settle whether a checked call may run.

    An answer given about this very call wins. Else a tool that says `deny` is not run. Else the
    rule decides, if it has an opinion; if not, the stricter of what the tool says and what its
    repaired arguments call for. A tool that runs elsewhere is asked about unless it is denied.

    Args:
        ready: the call.
        rule: the caller's own.
        approvals: answers by call id; those about other calls are passed over.

    Raises:
        HistoryError: an approval was given for other arguments, or lets a call run whose tool
            runs elsewhere.
    """
    given = approvals.get(ready.call.id)
    if given is not None:
        check_approval(given, ready.call)
        _check_runs_here(given, ready)
        verdict = given.verdict
    else:
        verdict = await _judge(ready, rule)
    return _planned(
        call_id=ready.call.id,
        tool_name=ready.tool.name,
        effect=effect_of(ready.tool),
        verdict=verdict,
    )


def validate_edited(
    call: ToolCall, arguments: str, tools: Mapping[str, Tool]
) -> ReadyCall | ToolResult:
    """Check a call again whose arguments a person changed; never raises.

    Args:
        call: the call as the model asked for it.
        arguments: JSON text that takes the place of the call's own.
        tools: those on offer.

    Returns:
        A call that may run, with a note for the model; or a result that says why it did not.
    """
    ready = validate_call(replace(call, arguments=arguments), tools)
    if isinstance(ready, ReadyCall):
        shown = shorten(arguments, MAX_SHOWN)
        note = f"The user changed the arguments of this call before it ran, to {shown}"
        return replace(ready, note=note)
    return ToolResult.of(
        call.id,
        "The user changed the arguments of this call, and the changed call could not be run. "
        f"This is no fault of yours.\n{ready.text}",
        is_error=True,
    )


def strictest_verdict(*verdicts: Verdict) -> Verdict:
    """Return the strictest_verdict verdict, the first of those that are equally strict."""
    return max(verdicts, key=lambda verdict: _STRICTNESS[verdict.decision])


async def ask_rule(rule: ApprovalRule, ready: ReadyCall) -> Verdict | None:
    """Return what a rule says of a call; None if it has no opinion."""
    answer = rule(ready)
    said = await answer if isawaitable(answer) else answer
    return Verdict(decision=said) if isinstance(said, str) else said


_STRICTNESS: Mapping[Decision, int] = {"allow": 0, "ask": 1, "deny": 2}
_OWN = {decision: Verdict(decision=decision) for decision in _DECISIONS}
_ELSEWHERE = Verdict(decision="ask", reason="This tool runs elsewhere; its result is awaited.")


async def _judge(ready: ReadyCall, rule: ApprovalRule | None) -> Verdict:
    """Settle a call about which nobody was asked yet."""
    own = _OWN[ready.tool.approval]
    if own.decision == "deny":
        return replace(own, reason="This tool may not be used here.")
    repaired = _repaired_verdict(ready)
    verdict = None if rule is None else await ask_rule(rule, ready)
    if verdict is None:
        verdict = strictest_verdict(repaired, own)
    elif verdict.decision == "ask" and not verdict.reason:
        verdict = replace(verdict, reason=repaired.reason)
    return strictest_verdict(_ELSEWHERE, verdict) if ready.tool.is_external else verdict


def _repaired_verdict(ready: ReadyCall) -> Verdict:
    """Return what repaired arguments call for: a tool with side effects is asked about."""
    if not ready.repairs or ready.tool.annotations.read_only_hint or ready.tool.takes_repaired:
        return _OWN["allow"]
    what = "; ".join(f"{one.kind}: {one.before} became {one.after}" for one in ready.repairs)
    return Verdict(decision="ask", reason=f"Its arguments were repaired: {what}")


def _check_runs_here(given: Approval, ready: ReadyCall) -> None:
    """Refuse to let a call run that has nothing to run."""
    if ready.tool.is_external and given.verdict.decision != "deny":
        raise HistoryError(
            f"The call {ready.call.id!r} cannot be approved: its tool {ready.tool.name!r} runs "
            "elsewhere. Hand in its result, or refuse it."
        )
