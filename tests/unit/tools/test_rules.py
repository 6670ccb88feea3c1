"""Ready-made rules, alone and together."""

from dataclasses import replace
from typing import Any

import pytest

from agentkit.chat import Repair
from agentkit.message import ToolCall
from agentkit.tools import rules
from agentkit.tools.approval import ApprovalRule, Verdict, apply_rule
from agentkit.tools.binding import BoundArguments
from agentkit.tools.tool import tool
from agentkit.tools.validate import ReadyCall


def ready(*, is_repaired: bool = False, **options: Any) -> ReadyCall:
    """Return a call of a tool with these options."""

    @tool(name="files_write", **options)
    def made() -> None:
        """Do nothing."""

    repair = Repair(kind="coerced_integer", before="'1'", after="1")
    return ReadyCall(
        call=ToolCall(id="c1", name=made.name),
        tool=made,
        arguments={},
        bound=BoundArguments(),
        repairs=(repair,) if is_repaired else (),
    )


READS, DEFAULT, GENTLE = {"read_only": True}, dict[str, Any](), {"destructive": False}


@pytest.mark.parametrize(
    ("condition", "options", "expected"),
    [
        (rules.has_effects, READS, False),
        (rules.has_effects, GENTLE, True),
        (rules.is_destructive, READS, False),
        (rules.is_destructive, GENTLE, False),
        (rules.is_destructive, DEFAULT, True),
        (rules.is_open_world, DEFAULT, True),
        (rules.is_open_world, {"open_world": False}, False),
        (rules.is_repaired, DEFAULT, False),
        (rules.is_repaired, {"is_repaired": True}, True),
        (rules.tagged("money", "mail"), {"tags": ["mail", "x"]}, True),
        (rules.tagged("money"), {"tags": ["mail"]}, False),
        (rules.tagged(), {"tags": ["mail"]}, False),
        (rules.named("files_*"), DEFAULT, True),
        (rules.named("a", "files_write"), DEFAULT, True),
        (rules.named("Files_*", "write"), DEFAULT, False),
    ],
)
def test_conditions_depend_on_tool_and_call(
    condition: rules.Condition, options: dict[str, Any], expected: bool
) -> None:
    """On annotations, tags, names and repairs."""
    assert condition(ready(**options)) is expected


ASK, DENY, ALLOW = (
    rules.ask(rules.has_effects, reason="a"),
    rules.deny(rules.named("files_*"), reason="d"),
    rules.allow(rules.tagged("safe")),
)


@pytest.mark.parametrize(
    ("rule", "options", "expected"),
    [
        (ASK, DEFAULT, Verdict("ask", reason="a")),
        (ASK, READS, None),
        (DENY, READS, Verdict("deny", reason="d")),
        (ALLOW, {"tags": ["safe"]}, Verdict("allow")),
        (rules.ask(), READS, Verdict("ask")),
        (rules.deny(reason="d"), READS, Verdict("deny", reason="d")),
        (rules.allow(), READS, None),
        (rules.ask(rules.is_repaired, rules.has_effects), DEFAULT, Verdict("ask")),
        (rules.first(ALLOW, ASK, DENY), {"tags": ["safe"]}, Verdict("allow")),
        (rules.first(ALLOW, ASK, DENY), DEFAULT, Verdict("ask", reason="a")),
        (rules.first(ALLOW, ASK), READS, None),
        (rules.strictest(ALLOW, ASK, DENY), {"tags": ["safe"]},
         Verdict("deny", reason="d")),
        (rules.strictest(ALLOW, ASK), {"tags": ["safe"]}, Verdict("ask", reason="a")),
        (rules.strictest(ALLOW, ASK), READS, None),
        (rules.first(rules.strictest(ALLOW), lambda _: "deny"), DEFAULT,
         Verdict("deny")),
        (rules.ask(rules.is_destructive, reason="It may destroy something."), DEFAULT,
         Verdict("ask", reason="It may destroy something.")),
        (rules.ask(rules.is_destructive), GENTLE, None),
        (rules.ask(rules.has_effects, reason="e"), GENTLE, Verdict("ask", reason="e")),
        (rules.deny(rules.has_effects, reason="Only tools that read."), GENTLE,
         Verdict("deny", reason="Only tools that read.")),
        (rules.deny(rules.has_effects), READS, None),
    ],
)  # fmt: skip
async def test_rules_decide_about_the_calls_that_match(
    rule: ApprovalRule, options: dict[str, Any], expected: Verdict | None
) -> None:
    """And not about others."""
    assert await apply_rule(rule, ready(**options)) == expected


@pytest.mark.parametrize(
    ("rule", "decision"),
    [
        (rules.ask(rules.named("files_write")), "ask"),
        (rules.deny(rules.named("files_*")), "deny"),
        (rules.ask(rules.named("a_files_write")), "ask"),
        (rules.allow(rules.named("files_write")), None),
        (rules.allow(rules.named("a_files_write")), "allow"),
        (rules.ask(lambda call: rules.named("files_write")(call)), "ask"),
    ],
)
async def test_a_renamed_tool_keeps_its_rules(rule: ApprovalRule, decision: str | None) -> None:
    """Rules that ask or deny match its own name too; rules that allow, the offered name only."""
    call = ready()
    renamed = replace(call, tool=call.tool.renamed("a_files_write"))

    verdict = await apply_rule(rule, renamed)

    assert (None if verdict is None else verdict.decision) == decision
