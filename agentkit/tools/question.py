"""Questions that a tool puts to a person, on the way that approvals take.

In:  a call of a tool with the tag `question`, which needs approval.
Out: the `Question`, to be shown; the verdict that carries a person's answer.

The answer is an argument of the approved call. So it takes every way that an approval takes: a
terminal, a client, a stored decision, another process. A call that no person answered is never
run with an answer of the model's own.
"""

import json
from collections.abc import Sequence

from agentkit.message import ToolCall
from agentkit.tools.approval import Verdict
from agentkit.tools.tool_options import QUESTION_TAG
from agentkit.tools.validate import ReadyCall
from agentkit.value import dataclass

ANSWER = "answer"
ASK_USER = "ask_user"
"""The name of the ready-made tool that asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question to a person.

    Attributes:
        choices: answers to choose from; another answer is possible.
    """

    text: str
    choices: Sequence[str] = ()

    def read(self, typed: str) -> str:
        """Return the answer that a person typed: a choice by its number, or the text itself."""
        typed = typed.strip()
        if typed.isdecimal() and 1 <= int(typed) <= len(self.choices):
            return self.choices[int(typed) - 1]
        return typed


def question_of(ready: ReadyCall) -> Question | None:
    """Return the question that a call puts to a person; None if it is another call."""
    if QUESTION_TAG not in ready.tool.tags:
        return None
    choices = ready.arguments.get("choices") or ()
    return Question(text=str(ready.arguments.get("question", "")), choices=list(map(str, choices)))


def question_in(call: ToolCall) -> str | None:
    """Return the question of an open call of the ready-made tool; None if it is another call."""
    if call.name != ASK_USER:
        return None
    try:
        arguments = json.loads(call.arguments)
    except (ValueError, RecursionError):
        return None
    question = arguments.get("question") if isinstance(arguments, dict) else None
    return question if isinstance(question, str) else None


def answered_arguments(call: ToolCall, answer: str) -> str:
    """Return the arguments of a call that asks, with a person's answer, as JSON text."""
    return json.dumps({**json.loads(call.arguments), ANSWER: answer}, ensure_ascii=False)


def answer_verdict(ready: ReadyCall, answer: str) -> Verdict:
    """Return the verdict that lets a question's call run with a person's answer."""
    arguments = {**ready.arguments, ANSWER: answer}
    return Verdict("allow", arguments=json.dumps(arguments, ensure_ascii=False))
