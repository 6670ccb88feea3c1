"""Requests for a title or tags of a conversation, which chat programs send on their own.

In:  a request.
Out: whether it is one, and the agent that answers it: without tools, so that nothing happens twice.

Open WebUI sends its task prompts to the model of the conversation; each of its templates begins
with `### Task:`, and the answer is not streamed.
"""

from typing import Any

from agentkit.agent.agent import Agent
from agentkit.dialect.received_request import ReceivedRequest
from agentkit.message import UserMessage
from agentkit.service.served import ServedAgent

TASK_MARK = "### Task:"


def is_title_request(request: ReceivedRequest) -> bool:
    """Return whether a program asks for a title, tags or the like."""
    if request.stream or request.tools or len(request.messages) != 1:
        return False
    [message] = request.messages
    return isinstance(message, UserMessage) and message.text.lstrip().startswith(TASK_MARK)


def title_agent(served: ServedAgent) -> Agent[Any, Any]:
    """Return the agent that answers such requests."""
    own = served.agent
    return Agent(served.title_model or own.model, name=own.name, settings=own.settings)
