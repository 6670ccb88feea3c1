"""`agentkit run`: one question, its answer.

In:  a question and what may be used for it.
Out: the answer on standard output, what is done for it on standard error.
"""

import sys
from dataclasses import field

from agentkit.cli.agent_builder import AgentSelection, build_agent
from agentkit.cli.approval_prompt import ApproveMode, set_approval_mode, terminal_asker
from agentkit.cli.exit_codes import LIMIT_REACHED, OK, SUSPENDED
from agentkit.cli.run_display import RunDisplay, ShowEvent, format_call, show_as_json
from agentkit.cli.signals import run_async
from agentkit.cli.terminal import check_standard_output, decode_word, note
from agentkit.errors import HistoryError
from agentkit.event import StopReason
from agentkit.message import ToolCall
from agentkit.value import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What is asked, and how; `-` as its text means standard input."""

    text: str
    selection: AgentSelection = field(default_factory=AgentSelection)
    tool_choice: str = "auto"
    max_turns: int | None = None
    as_json: bool = False
    approve: ApproveMode = ApproveMode.ASK


def run_question(question: RunRequest) -> int:
    """Run until there is an answer, and return the exit code.

    Raises:
        AgentKitError: nothing could be sent, or the run failed.
    """
    text = sys.stdin.read() if question.text == "-" else decode_word(question.text)
    if not text.strip():
        raise HistoryError("The question is empty; write it after 'run', or '-' to read it.")
    check_standard_output()
    built = build_agent(question.selection)
    note(built.banner, style="dim")
    # On standard input there is the question, not the person's answers.
    set_approval_mode(
        built.agent, question.approve, ask=None if question.text == "-" else terminal_asker()
    )
    show: ShowEvent = show_as_json if question.as_json else RunDisplay().show
    budget = built.agent.budget
    if question.max_turns is not None:
        budget = replace(budget, turns=question.max_turns)

    async def answer() -> int:
        async with built.agent.stream(text, budget=budget, tool_choice=question.tool_choice) as run:
            async for event in run:
                show(event)
        if run.result.stop_reason == "suspended":
            note(describe_open_call(run.result.open_calls[0]), style="yellow")
        return _exit_code(run.result.stop_reason)

    return run_async(answer)


def describe_open_call(call: ToolCall) -> str:
    """Return which call waits for approval, and what to do."""
    return (
        f"{format_call(call)} needs approval. Run on a terminal to be asked, or pass "
        "--approve allow or --approve deny. A tool that runs elsewhere needs a program that "
        "supplies its result."
    )


def _exit_code(reason: StopReason) -> int:
    match reason:
        case "answered":
            return OK
        case "suspended":
            return SUSPENDED
        case _:
            return LIMIT_REACHED
