"""Ask a person whether a call may run.

In:  a call that a tool or a rule wants asked about, with its reason; lines a person types.
Out: a rule for an agent, which answers in place.

What is asked about is settled by the tools and the agent's own rule; here it is only answered.
"""

import json
import sys
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TypeAlias, cast

import anyio

from agentkit.agent.agent import Agent
from agentkit.cli.terminal import note
from agentkit.lazy_import import load_object
from agentkit.message import ToolResult
from agentkit.tools.approval import ApprovalRule, Verdict, plan_call
from agentkit.tools.validate import ReadyCall, validate_call
from agentkit.value import replace

AskLine: TypeAlias = Callable[[str, str], Awaitable[str | None]]
"""Gets a prompt and the text to begin with; gives what was typed, None at the end of input."""

HELP = (
    "y: run it · n: refuse it · e: change the arguments · anything else: refuse, with this reason"
)
REFUSED = "The user refused it."
ALLOWED = Verdict(decision="allow")
DENIED = Verdict(decision="deny", reason="Calls that have to be asked about may not run here.")


class ApproveMode(StrEnum):
    """What becomes of calls that have to be asked about."""

    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


def set_approval_mode(
    agent: Agent[object], mode: ApproveMode, *, ask: AskLine | None = None
) -> None:
    """Give an agent somebody who answers about calls.

    Args:
        agent: its own rule keeps its word.
        mode: what to answer.
        ask: reads a line from a person; None where there is nobody, and a call that has to be
            asked about suspends the run.
    """
    own = agent.approve
    match mode:
        case ApproveMode.ALLOW:
            agent.approve = answer_every_ask(own, ALLOWED)
        case ApproveMode.DENY:
            agent.approve = answer_every_ask(own, DENIED)
        case ApproveMode.ASK:
            agent.approve = own if ask is None else ApprovalPrompt(own, ask)


def answer_every_ask(own: ApprovalRule | None, answer: Verdict) -> ApprovalRule:
    """Return a rule that gives the same answer wherever somebody would be asked."""

    async def rule(ready: ReadyCall) -> Verdict:
        verdict = await _verdict(own, ready)
        return answer if verdict.decision == "ask" else verdict

    return rule


def terminal_asker() -> AskLine | None:
    """Return what asks on the terminal, on standard error; None where there is no terminal."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    # Its library takes a tenth of a second to load, and few commands ask anything.
    asker = cast(Callable[[], AskLine], load_object("agentkit.cli.line_prompt:line_asker"))
    return asker()


class ApprovalPrompt:
    """A rule that asks a person, one call at a time."""

    def __init__(self, own: ApprovalRule | None, ask: AskLine) -> None:
        """Take the agent's own rule, and what reads lines."""
        self._own = own
        self._ask = ask
        self._lock = anyio.Lock()

    async def __call__(self, ready: ReadyCall) -> Verdict:
        """Return the verdict; where it is to ask, the person's."""
        verdict = await _verdict(self._own, ready)
        if verdict.decision != "ask" or ready.tool.is_external:
            return verdict
        async with self._lock:
            # All of it: what is not shown is not agreed to.
            note(f"? {ready.tool.name} {_spell(ready)}", style="yellow")
            if verdict.reason:
                note(f"  {verdict.reason}")
            return await self._hear(ready, verdict)

    async def _hear(self, ready: ReadyCall, verdict: Verdict) -> Verdict:
        """Ask until there is an answer; at the end of input the call stays open."""
        while (line := await self._ask("  May it run? [y/n/e/reason] ", "")) is not None:
            match line.strip().lower():
                case "y" | "yes":
                    return Verdict(decision="allow")
                case "n" | "no":
                    return Verdict(decision="deny", reason=REFUSED)
                case "e" | "edit":
                    edited = await self._edit(ready)
                    if edited is not None:
                        return edited
                case "" | "?":
                    note(f"  {HELP}", style="dim")
                case _:
                    return Verdict(decision="deny", reason=line.strip())
        return verdict

    async def _edit(self, ready: ReadyCall) -> Verdict | None:
        """Take other arguments that fit the tool; None goes back to the question."""
        text: str | None = _spell(ready)
        while (text := await self._ask("  Arguments: ", text or "")) and text.strip():
            changed = replace(ready.call, arguments=text)
            checked = validate_call(changed, {ready.tool.name: ready.tool})
            if not isinstance(checked, ToolResult):
                return Verdict(decision="allow", arguments=text)
            note(f"  {checked.text}", style="red")
        return None


async def _verdict(own: ApprovalRule | None, ready: ReadyCall) -> Verdict:
    """Return what would become of a call without anybody to answer."""
    return (await plan_call(ready, rule=own, approvals={})).verdict


def _spell(ready: ReadyCall) -> str:
    """Return the arguments with which a call would run, in one line."""
    return json.dumps(ready.arguments, ensure_ascii=False)
