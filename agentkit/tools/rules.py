"""Ready-made approval rules.

In:  conditions on calls.
Out: rules for `Agent(approve=…)`, alone or combined.

A rule returns None for a call that meets none of its conditions; see `agentkit.tools.approval`.
"""

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import TypeAlias

from agentkit.tools.approval import ApprovalRule, Verdict, apply_rule, strictest_verdict
from agentkit.tools.tool_options import Decision
from agentkit.tools.validate import ReadyCall

Condition: TypeAlias = Callable[[ReadyCall], bool]
"""Whether a rule is about a call."""

__all__ = [
    "Condition",
    "allow",
    "ask",
    "deny",
    "first",
    "has_effects",
    "is_destructive",
    "is_open_world",
    "is_repaired",
    "named",
    "strictest",
    "tagged",
]


def has_effects(ready: ReadyCall) -> bool:
    """Return whether the tool does more than read."""
    return not ready.tool.annotations.read_only_hint


def is_destructive(ready: ReadyCall) -> bool:
    """Return whether the tool may destroy something.

    A tool with effects is destructive unless its `destructive_hint` is false, as in MCP.
    """
    return has_effects(ready) and ready.tool.annotations.destructive_hint


def is_open_world(ready: ReadyCall) -> bool:
    """Return whether the tool reaches an open set of entities, such as the web."""
    return ready.tool.annotations.open_world_hint


def is_repaired(ready: ReadyCall) -> bool:
    """Return whether the arguments of the call were repaired."""
    return bool(ready.repairs)


def tagged(*tags: str) -> Condition:
    """Return a condition on tools that have one of `tags`."""
    return lambda ready: not ready.tool.tags.isdisjoint(tags)


def named(*patterns: str) -> Condition:
    """Match calls of tools whose name fits one of `patterns`, e.g. `files_*`; case counts.

    In `ask` and `deny`, the name that a tool is offered under counts and its own one, as its MCP
    server lists it: a second server that lists the same name changes the first. In `allow`, only
    the offered name counts: nothing that a server lists can make a rule laxer.
    """
    return _Named(patterns)


def allow(*conditions: Condition, reason: str = "") -> ApprovalRule:
    """Allow calls that meet one of `conditions`; without conditions, none."""
    return _rule("allow", conditions, reason)


def ask(*conditions: Condition, reason: str = "") -> ApprovalRule:
    """Ask for approval of calls that meet one of `conditions`; without conditions, of all."""
    return _rule("ask", conditions, reason)


def deny(*conditions: Condition, reason: str = "") -> ApprovalRule:
    """Deny calls that meet one of `conditions`, all without conditions; the model gets `reason`."""
    return _rule("deny", conditions, reason)


def first(*rules: ApprovalRule) -> ApprovalRule:
    """Use the verdict of the first rule that returns one."""

    async def decide(ready: ReadyCall) -> Verdict | None:
        for rule in rules:
            verdict = await apply_rule(rule, ready)
            if verdict is not None:
                return verdict
        return None

    return decide


def strictest(*rules: ApprovalRule) -> ApprovalRule:
    """Apply all rules, and use the strictest verdict."""

    async def decide(ready: ReadyCall) -> Verdict | None:
        answers = [await apply_rule(rule, ready) for rule in rules]
        verdicts = [verdict for verdict in answers if verdict is not None]

        return strictest_verdict(*verdicts) if verdicts else None

    return decide


class _Named:
    """A condition on names; see `named`."""

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._patterns = patterns

    def __call__(self, ready: ReadyCall) -> bool:
        """Return whether one of the tool's names fits."""
        return self._fits(ready.tool.name) or self._fits(ready.tool.own_name)

    def is_offered(self, ready: ReadyCall) -> bool:
        """Return whether the name fits that the tool is offered under."""
        return self._fits(ready.tool.name)

    def _fits(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self._patterns)


def _rule(decision: Decision, conditions: tuple[Condition, ...], reason: str) -> ApprovalRule:
    verdict = Verdict(decision, reason=reason)
    if decision != "allow" and not conditions:
        # A rule that was meant to be strict must not let every call pass.
        return lambda _: verdict
    if decision == "allow":
        conditions = tuple(one.is_offered if isinstance(one, _Named) else one for one in conditions)

    def decide(ready: ReadyCall) -> Verdict | None:
        return verdict if any(condition(ready) for condition in conditions) else None

    return decide
