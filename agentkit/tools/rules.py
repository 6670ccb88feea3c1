"""Ready-made rules about which calls may run.

In:  conditions on calls.
Out: rules for `Agent(approve=…)`, to be used alone or together.

A rule says nothing about calls that none of its conditions meets; see `agentkit.tools.approval`.
"""

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import TypeAlias

from agentkit.tools.approval import ApprovalRule, Verdict, ask_rule, strictest_verdict
from agentkit.tools.tool import Decision
from agentkit.tools.validate import ReadyCall

Condition: TypeAlias = Callable[[ReadyCall], bool]


def has_effects(ready: ReadyCall) -> bool:
    """Meet calls of tools that do more than read."""
    return not ready.tool.annotations.read_only_hint


def is_destructive(ready: ReadyCall) -> bool:
    """Meet calls of tools that may destroy something, which is all that do not deny it."""
    return has_effects(ready) and ready.tool.annotations.destructive_hint


def is_open_world(ready: ReadyCall) -> bool:
    """Meet calls of tools that reach beyond what is known here, such as the web."""
    return ready.tool.annotations.open_world_hint


def is_repaired(ready: ReadyCall) -> bool:
    """Meet calls whose arguments were repaired."""
    return bool(ready.repairs)


def tagged(*tags: str) -> Condition:
    """Meet calls of tools that have one of `tags`."""
    return lambda ready: not ready.tool.tags.isdisjoint(tags)


def named(*patterns: str) -> Condition:
    """Meet calls of tools whose name fits one of `patterns`, e.g. `files_*`; case counts."""
    return lambda ready: any(fnmatchcase(ready.tool.name, pattern) for pattern in patterns)


def allow(*conditions: Condition, reason: str = "") -> ApprovalRule:
    """Let calls run that meet one of `conditions`."""
    return _rule("allow", conditions, reason)


def ask(*conditions: Condition, reason: str = "") -> ApprovalRule:
    """Ask about calls that meet one of `conditions`."""
    return _rule("ask", conditions, reason)


def deny(*conditions: Condition, reason: str = "") -> ApprovalRule:
    """Refuse calls that meet one of `conditions`; the model is told `reason`."""
    return _rule("deny", conditions, reason)


def first(*rules: ApprovalRule) -> ApprovalRule:
    """Take the word of the first rule that has one."""

    async def decide(ready: ReadyCall) -> Verdict | None:
        for rule in rules:
            verdict = await ask_rule(rule, ready)
            if verdict is not None:
                return verdict
        return None

    return decide


def strictest(*rules: ApprovalRule) -> ApprovalRule:
    """Ask all rules, and take the strictest_verdict word."""

    async def decide(ready: ReadyCall) -> Verdict | None:
        asked = [await ask_rule(rule, ready) for rule in rules]
        verdicts = [verdict for verdict in asked if verdict is not None]
        return strictest_verdict(*verdicts) if verdicts else None

    return decide


def _rule(decision: Decision, conditions: tuple[Condition, ...], reason: str) -> ApprovalRule:
    verdict = Verdict(decision=decision, reason=reason)

    def decide(ready: ReadyCall) -> Verdict | None:
        return verdict if any(condition(ready) for condition in conditions) else None

    return decide


ask_destructive = ask(is_destructive, reason="The tool may destroy something.")
ask_effects = ask(has_effects, reason="The tool has effects.")
deny_effects = deny(has_effects, reason="Only tools that read may be used here.")
