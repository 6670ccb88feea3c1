"""Ask the person a question while a task is under way.

In:  a question, and answers to choose from.
Out: `TOOLS`: the tool `ask_user`; its result is what the person answered.

A question takes the way of an approval: it is shown as approvals are, and suspends the run if
there is no one.
"""

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from agentkit import ReadyCall, ToolError, ToolResult, tool
from agentkit.tools.question import ANSWER, ASK_USER
from agentkit.tools.tool_options import QUESTION_TAG
from agentkit.tools.tool_run import Proceed

__all__ = ["TOOLS", "ask_user"]

MAX_CHOICES = 10

Choice = Annotated[str, Field(min_length=1, max_length=200)]


def _ask_user(
    question: Annotated[str, Field(min_length=1, max_length=2_000)],
    choices: Annotated[list[Choice], Field(max_length=MAX_CHOICES)] | None = None,
    answer: Annotated[str, Field(min_length=1, max_length=20_000)] | None = None,
) -> str:
    """Ask the user a question and wait for the answer.

    Use it if the task cannot go on without something that only the user knows or may decide.

    Args:
        question: what to ask, complete in itself.
        choices: answers to choose from, if there are few; the user may give another.
        answer: leave it out; the user fills it in.
    """
    del question, choices
    if answer is None:
        raise ToolError(_NO_ANSWER)
    return answer


_NO_ANSWER = (
    "No one answered: there is no person here. Decide by what you know and name your assumptions, "
    "or list what is missing."
)


async def _only_from_a_person(ready: ReadyCall, proceed: Proceed) -> ToolResult:
    """Refuse an answer that the model gave to itself: a person's call has a note of the edit."""
    if ready.note is None or ANSWER not in ready.arguments:
        return ToolResult(ready.call.id, _NO_ANSWER, is_error=True)
    return await proceed()


ask_user = replace(
    tool(
        _ask_user,
        name=ASK_USER,
        title="Ask the user",
        read_only=True,
        open_world=False,
        parallel=False,
        approval="ask",
        tags=(QUESTION_TAG,),
    ),
    middleware=(_only_from_a_person,),
)

TOOLS = (ask_user,)
