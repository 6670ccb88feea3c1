"""Ask a person for the approval of a call.

In:  a call that a tool or a rule wants approved, with the reason; lines that a person types.
Out: an approval rule for an agent, which decides at once.

Tools and the agent's own rule decide which calls need approval; here they are only approved or
denied.
"""

import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from enum import StrEnum
from typing import TypeAlias

import anyio

from agentkit import cli
from agentkit.agent.agent import Agent
from agentkit.cli.run_display import reason_of
from agentkit.cli.terminal import note
from agentkit.message import ToolResult
from agentkit.tools.approval import ApprovalRule, Verdict, plan_call
from agentkit.tools.question import Question, answer_verdict, question_of
from agentkit.tools.validate import ReadyCall, validate_call

AskLine: TypeAlias = Callable[[str, str], Awaitable[str | None]]
"""Gets a prompt and the initial text; returns the typed line, None at the end of input."""

HELP = "y: run it · n: deny it · e: edit the arguments · anything else: deny it, with this reason"
REFUSED = "The user denied it."
ALLOWED = Verdict("allow")
DENIED = Verdict("deny", reason="Calls that need approval may not run here.")


class ApproveMode(StrEnum):
    """What to do about calls that need approval."""

    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


def set_approval_mode(
    agent: Agent[object], mode: ApproveMode, *, ask: AskLine | None = None
) -> None:
    """Set how the calls of an agent are approved.

    Args:
        agent: its own rule still decides which calls need approval.
        mode: what to do about those.
        ask: reads a line from a person; None if there is no one, and a call that needs approval
            suspends the run.
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
    """Return a rule that gives the same answer for every call that needs approval."""

    async def rule(ready: ReadyCall) -> Verdict:
        verdict = await _verdict(own, ready)
        return answer if verdict.decision == "ask" else verdict

    return rule


def terminal_asker() -> AskLine | None:
    """Return a function that asks on the terminal; None if there is no terminal."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    # Its library takes a tenth of a second to load, and few runs ask anything.
    ask: AskLine = cli.line_prompt.line_asker()
    return ask


class ApprovalPrompt:
    """An approval rule that asks a person, one call at a time."""

    def __init__(self, own: ApprovalRule | None, ask: AskLine) -> None:
        """Take the agent's own rule, and the function that reads lines."""
        self._own = own
        self._ask = ask
        self._lock = anyio.Lock()

    async def __call__(self, ready: ReadyCall) -> Verdict:
        """Return the verdict; if the call needs approval, the person's."""
        verdict = await _verdict(self._own, ready)
        if verdict.decision != "ask" or ready.tool.is_external:
            return verdict
        question = question_of(ready)
        async with self._lock:
            if question is not None:
                return await self._ask_question(ready, question, verdict)
            # The complete arguments: a person can only approve what is shown.
            note(f"? {ready.tool.name} {_arguments(ready)}", style="yellow")
            if verdict.reason:
                note(f"  {verdict.reason}")
            return await self._ask_person(ready, verdict)

    async def _ask_question(
        self, ready: ReadyCall, question: Question, verdict: Verdict
    ) -> Verdict:
        """Put the question of a call; at the end of input it stays open."""
        note(f"? {question.text}", style="yellow")
        for number, choice in enumerate(question.choices, start=1):
            note(f"  {number}. {choice}")
        while (line := await self._ask("  Answer: ", "")) is not None:
            if line.strip():
                return answer_verdict(ready, question.read(line))
        return verdict

    async def _ask_person(self, ready: ReadyCall, verdict: Verdict) -> Verdict:
        """Ask until there is a decision; at the end of input the call stays open."""
        while (line := await self._ask("  May it run? [y/n/e/reason] ", "")) is not None:
            match line.strip().lower():
                case "y" | "yes":
                    return Verdict("allow")
                case "n" | "no":
                    return Verdict("deny", reason=REFUSED)
                case "e" | "edit":
                    edited = await self._edit(ready)
                    if edited is not None:
                        return edited
                case "" | "?":
                    note(f"  {HELP}", style="dim")
                case _:
                    return Verdict("deny", reason=line.strip())
        return verdict

    async def _edit(self, ready: ReadyCall) -> Verdict | None:
        """Return a verdict with other valid arguments; None goes back to the question."""
        text: str | None = _arguments(ready)
        while (text := await self._ask("  Arguments: ", text or "")) and text.strip():
            changed = replace(ready.call, arguments=text)
            checked = validate_call(changed, {ready.tool.name: ready.tool})
            if not isinstance(checked, ToolResult):
                return Verdict("allow", arguments=text)
            note(f"  {reason_of(checked.text)}", style="red")
        return None


async def _verdict(own: ApprovalRule | None, ready: ReadyCall) -> Verdict:
    """Return the verdict without a person."""
    return (await plan_call(ready, rule=own, approvals={})).verdict


def _arguments(ready: ReadyCall) -> str:
    """Return the arguments with which a call would run, in one line."""
    return json.dumps(ready.arguments, ensure_ascii=False)
