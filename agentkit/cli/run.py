"""`agentkit run`: one question, its answer.

In:  a question and what may be used for it.
Out: the answer on standard output, what is done for it on standard error.
"""

import sys
from dataclasses import dataclass, field, replace

import anyio

from agentkit.cli.choose import Wanted, choose
from agentkit.cli.ending import LIMITED, OK
from agentkit.cli.show import Screen, Show, show_as_json
from agentkit.cli.terminal import note
from agentkit.errors import HistoryError


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, and how; `-` as its text means standard input."""

    text: str
    wanted: Wanted = field(default_factory=Wanted)
    tool_choice: str = "auto"
    max_turns: int | None = None
    as_json: bool = False


def run_question(question: Question) -> int:
    """Run until there is an answer, and return the exit code.

    Raises:
        AgentKitError: nothing could be sent, or the run failed.
    """
    text = sys.stdin.read() if question.text == "-" else question.text
    if not text.strip():
        raise HistoryError("The question is empty; write it after 'run', or '-' to read it.")
    choice = choose(question.wanted)
    note(choice.introduction, style="dim")
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
        return OK if run.result.stop_reason == "answered" else LIMITED

    return anyio.run(answer)
