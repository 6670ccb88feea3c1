"""Ask the user at the client whether a call may run.

In:  a call that needs approval, and the client that sent it.
Out: the user's verdict.
"""

import json
from typing import Any

from mcp_types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequest

from agentkit.json_schema import JsonObject
from agentkit.mcp.server.client_context import ClientContext, ClientRequestError
from agentkit.tools.approval import Verdict
from agentkit.tools.question import ANSWER, Question, answer_verdict, question_of
from agentkit.tools.validate import ReadyCall

FORM: JsonObject = {
    "type": "object",
    "properties": {
        "approve": {"type": "boolean", "title": "Approve"},
        "reason": {
            "type": "string",
            "title": "Reason, if denied",
            "description": "The model reads it.",
        },
    },
    "required": ["approve"],
}
DENIED = "The user denied it."
NOT_FILLED_IN = "The client accepted the form without filling it in, so the approval is missing."


def approval_request(ready: ReadyCall, verdict: Verdict) -> InputRequest:
    """Return the elicitation request for one call: its question, or all of its arguments."""
    question = question_of(ready)
    if question is not None:
        return ElicitRequest(
            params=ElicitRequestFormParams(
                message=question.text, requested_schema=dict[str, Any](_answer_form(question))
            )
        )
    arguments = json.dumps(ready.arguments, ensure_ascii=False)
    reason = f"\n{verdict.reason}" if verdict.reason else ""
    message = f"May the tool {ready.tool.name} run with {arguments}?{reason}"
    return ElicitRequest(
        params=ElicitRequestFormParams(message=message, requested_schema=dict[str, Any](FORM))
    )


def read_approval(answer: object, ready: ReadyCall) -> Verdict:
    """Return the user's decision; anything but an explicit approval or an answer is a denial."""
    if not isinstance(answer, ElicitResult) or answer.action != "accept":
        return Verdict("deny", reason=DENIED)
    if answer.content is None:
        return Verdict("deny", reason=NOT_FILLED_IN)
    content = answer.content
    if question_of(ready) is not None:
        text = content.get(ANSWER)
        if isinstance(text, str) and text.strip():
            return answer_verdict(ready, text.strip())
        return Verdict("deny", reason=NOT_FILLED_IN)
    if content.get("approve") is True:
        return Verdict("allow")
    reason = content.get("reason")
    return Verdict("deny", reason=reason if isinstance(reason, str) and reason else DENIED)


async def request_approval(client: ClientContext, ready: ReadyCall, verdict: Verdict) -> Verdict:
    """Return the verdict of the user at the client; a denial if the client cannot ask one."""
    try:
        answers = await client.ask({"approval": approval_request(ready, verdict)})
    except ClientRequestError as error:
        return Verdict("deny", reason=f"It needs a user's approval. {error}")
    return read_approval(answers["approval"], ready)


def _answer_form(question: Question) -> JsonObject:
    """Return the form for an answer: free text, with the choices as a hint if there are any."""
    field: JsonObject = {"type": "string", "title": "Answer", "minLength": 1}
    if question.choices:
        field["description"] = "One of these, or another: " + "; ".join(question.choices)
    return {"type": "object", "properties": {ANSWER: field}, "required": [ANSWER]}
