"""`agentkit run`: one question, its answer.

In:  a question and what may be used for it.
Out: the answer on standard output, what is done for it on standard error.
"""

import sys
from dataclasses import field

import anyio

from agentkit.cli.agent_builder import Wanted, choose
from agentkit.cli.approval_prompt import ApproveMode, let_answer, terminal_ask
from agentkit.cli.exit_codes import LIMITED, OK, SUSPENDED
from agentkit.cli.run_display import Screen, Show, show_as_json, spell_call
from agentkit.cli.terminal import note, readable
from agentkit.errors import HistoryError
from agentkit.event import StopReason
from agentkit.message import ToolCall
from agentkit.value import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, and how; `-` as its text means standard input."""

    text: str
    wanted: Wanted = field(default_factory=Wanted)
    tool_choice: str = "auto"
    max_turns: int | None = None
    as_json: bool = False
    approve: ApproveMode = ApproveMode.ASK


def run_question(question: Question) -> int:
    """Run until there is an answer, and return the exit code.

    Raises:
        AgentKitError: nothing could be sent, or the run failed.
    """
    text = sys.stdin.read() if question.text == "-" else readable(question.text)
    if not text.strip():
        raise HistoryError("The question is empty; write it after 'run', or '-' to read it.")
    choice = choose(question.wanted)
    note(choice.introduction, style="dim")
    # On standard input there is the question, not the person's answers.
    let_answer(choice.agent, question.approve, ask=None if question.text == "-" else terminal_ask())
    show: Show = show_as_json if question.as_json else Screen().show
    budget = choice.agent.budget
    if question.max_turns is not None:
        budget = replace(budget, turns=question.max_turns)

    async def answer() -> int:
        async with choice.agent.stream(
            text, budget=budget, tool_choice=question.tool_choice
        ) as run:
            async for event in run:
                show(event)
        if run.result.stop_reason == "suspended":
            note(why_it_waits(run.result.open_calls[0]), style="yellow")
        return _exit_code(run.result.stop_reason)

    return anyio.run(answer)


def why_it_waits(call: ToolCall) -> str:
    """Say which call nobody answered about, and what to do."""
    return (
        f"Nobody answered whether {spell_call(call)} may run. Run it on a terminal to be asked, or "
        "with --approve allow or --approve deny. A tool that runs elsewhere needs a program that "
        "hands in its result."
    )


def _exit_code(reason: StopReason) -> int:
    match reason:
        case "answered":
            return OK
        case "suspended":
            return SUSPENDED
        case _:
            return LIMITED
