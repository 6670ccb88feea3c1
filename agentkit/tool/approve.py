"""Decide whether a call may run, must be asked about, or must not run.

In:  checked calls, the rules of tools and callers, answers given earlier.
Out: a `PlannedCall` for each: what it will do, and whether it may.

A decision is about one call with exactly its arguments. A call whose arguments were mended and
that has side effects is asked about, unless its tool or a rule allows it.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from inspect import isawaitable
from typing import Literal, TypeAlias

from agentkit.errors import HistoryError
from agentkit.message import ToolCall
from agentkit.tool.tool import Decision, Tool
from agentkit.tool.validate import ReadyCall

Effect: TypeAlias = Literal["read", "idempotent", "once"]


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
        if self.arguments is not None and self.decision != "allow":
            raise ValueError("Only a call that is allowed can be given other arguments.")


Rule: TypeAlias = Callable[[ReadyCall], "Verdict | Decision | Awaitable[Verdict | Decision]"]
"""A caller's own rule; sees the call with its tool and its checked arguments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A person's answer about one call, for exactly the arguments it had.

    Build it with `Approval.approve`, `Approval.refuse` or `Approval.edit`.
    """

    call_id: str
    digest: str
    verdict: Verdict

    @classmethod
    def approve(cls, call: ToolCall) -> "Approval":
        """Let `call` run as it is."""
        return cls(call_id=call.id, digest=digest(call), verdict=Verdict(decision="allow"))

    @classmethod
    def refuse(cls, call: ToolCall, *, reason: str = "") -> "Approval":
        """Do not let `call` run; the model is told `reason`."""
        verdict = Verdict(decision="deny", reason=reason)
        return cls(call_id=call.id, digest=digest(call), verdict=verdict)

    @classmethod
    def edit(cls, call: ToolCall, *, arguments: str) -> "Approval":
        """Let `call` run with other arguments, JSON text; the model is told of the change."""
        verdict = Verdict(decision="allow", arguments=arguments)
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


def digest(call: ToolCall) -> str:
    """Return what an approval is bound to: the call's id, name and arguments, hashed."""
    parts = (call.id, call.name, call.arguments)
    joined = "\0".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()


def check_approval(approval: Approval, call: ToolCall) -> None:
    """Refuse an answer that was given about another call.

    Raises:
        HistoryError: name or arguments differ from those that were approved.
    """
    if approval.digest != digest(call):
        raise HistoryError(
            f"The approval for the call {call.id!r} was given for other arguments than it has; "
            "ask again with the call as it stands in the history."
        )


def effect_of(tool: Tool) -> Effect:
    """Return the effect class that a tool's annotations give it."""
    if tool.annotations.read_only_hint:
        return "read"
    return "idempotent" if tool.annotations.idempotent_hint else "once"


async def plan_call(
    ready: ReadyCall, *, rule: Rule | None, approvals: Mapping[str, Approval]
) -> PlannedCall:
    """Settle whether a checked call may run.

    An answer given about this very call wins; then the caller's rule, the tool's own word, and at
    last what its mended arguments call for. The strictest of these three counts.

    Raises:
        HistoryError: an approval was given for other arguments.
    """
    given = approvals.get(ready.call.id)
    if given is not None:
        check_approval(given, ready.call)
        verdict = given.verdict
    else:
        verdict = _strictest(_own_verdict(ready), _mended_verdict(ready))
        if rule is not None and verdict.decision != "deny":
            verdict = await _ask_rule(rule, ready, verdict)
    return PlannedCall(
        call_id=ready.call.id,
        tool_name=ready.tool.name,
        effect=effect_of(ready.tool),
        verdict=verdict,
    )


def _own_verdict(ready: ReadyCall) -> Verdict:
    """Return what the tool says of all its calls."""
    if ready.tool.is_external:
        return Verdict(decision="ask", reason="This tool runs elsewhere; its result is awaited.")
    return Verdict(decision=ready.tool.approval)


def _mended_verdict(ready: ReadyCall) -> Verdict:
    """Return what mended arguments call for: a tool with side effects is asked about."""
    if not ready.mendings or ready.tool.annotations.read_only_hint or ready.tool.takes_mended:
        return Verdict(decision="allow")
    what = "; ".join(f"{one.rung}: {one.before} became {one.after}" for one in ready.mendings)
    return Verdict(decision="ask", reason=f"Its arguments were mended: {what}")


def _strictest(*verdicts: Verdict) -> Verdict:
    order: Mapping[Decision, int] = {"allow": 0, "ask": 1, "deny": 2}
    return max(verdicts, key=lambda verdict: order[verdict.decision])


async def _ask_rule(rule: Rule, ready: ReadyCall, verdict: Verdict) -> Verdict:
    """Let the caller's rule speak: it may forbid, allow, or leave the question open."""
    answer = rule(ready)
    said = await answer if isawaitable(answer) else answer
    if isinstance(said, str):
        said = Verdict(decision=said)
    if said.decision == "ask" and not said.reason:
        return replace(said, reason=verdict.reason)
    return said
