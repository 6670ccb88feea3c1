"""Ask the person at the client whether a call may run.

In:  a call that has to be asked about, and who called.
Out: the person's verdict.
"""

import json
from typing import Any

from mcp_types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequest

from agentkit.json_schema import JsonObject
from agentkit.mcp.server.client_context import ClientContext, ClientRequestError
from agentkit.tools.approval import Verdict
from agentkit.tools.validate import ReadyCall

FORM: JsonObject = {
    "type": "object",
    "properties": {
        "approve": {"type": "boolean", "title": "Let it run"},
        "reason": {"type": "string", "title": "If not: why", "description": "The model reads it."},
    },
    "required": ["approve"],
}
REFUSED = "The user refused it."


def approval_request(ready: ReadyCall, verdict: Verdict) -> InputRequest:
    """Return the question about one call; all of its arguments are shown."""
    arguments = json.dumps(ready.arguments, ensure_ascii=False)
    reason = f"\n{verdict.reason}" if verdict.reason else ""
    message = f"May the tool {ready.tool.name} run with {arguments}?{reason}"
    return ElicitRequest(
        params=ElicitRequestFormParams(message=message, requested_schema=dict[str, Any](FORM))
    )


def read_approval(answer: object) -> Verdict:
    """Return what a person decided; whatever is not a plain yes lets nothing run."""
    if not isinstance(answer, ElicitResult) or answer.action != "accept":
        return Verdict(decision="deny", reason=REFUSED)
    content = answer.content or {}
    if content.get("approve") is True:
        return Verdict(decision="allow")
    reason = content.get("reason")
    return Verdict(
        decision="deny", reason=reason if isinstance(reason, str) and reason else REFUSED
    )


async def request_approval(client: ClientContext, ready: ReadyCall, verdict: Verdict) -> Verdict:
    """Return the verdict of the person at the client; a refusal where nobody can be asked."""
    try:
        answers = await client.ask({"approval": approval_request(ready, verdict)})
    except ClientRequestError as error:
        return Verdict(decision="deny", reason=f"It has to be approved by a person. {error}")
    return read_approval(answers["approval"])
