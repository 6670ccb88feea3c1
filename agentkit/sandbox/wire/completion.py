"""A request that was read and accepted, and the answer to it, apart from any provider's format.

In:  what a request says.
Out: `CompletionRequest` and `Completion`.
"""

from typing import Literal

from agentkit.chat import ModelResponse
from agentkit.content import text_blocks
from agentkit.message import AssistantMessage, ToolCall
from agentkit.sandbox.planner.plan_request import PlanRequest
from agentkit.usage import Usage
from agentkit.value import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionRequest:
    """A request that was read and accepted.

    Attributes:
        model: the id as it was sent.
        sent: everything that the answer depends on, as text.
        used_ids: the ids of the calls in the conversation.
        is_stream: the answer is to be streamed.
        wants_usage: the request asks for usage.
        call_format: how calls are sent: as calls, or as text with or without the model's marker.
        text_prefix: the beginning of the answer, if the prompt holds it already.
    """

    model: str
    plan: PlanRequest
    sent: str
    used_ids: frozenset[str] = frozenset()
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    is_stream: bool = False
    wants_usage: bool = False
    call_format: Literal["native", "marked_text", "plain_text"] = "native"
    text_prefix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """An answer that is ready to be encoded, complete or as a stream.

    Attributes:
        prompt_tokens: an estimate, the same for the same request.
        completion_tokens: an estimate, the same for a complete and a streamed answer.
        stop_sequence: the stop text before which the text ended, if one ended it.
    """

    text: str
    calls: tuple[ToolCall, ...]
    finish_reason: Literal["stop", "length", "tool_calls"]
    prompt_tokens: int
    completion_tokens: int
    stop_sequence: str | None = None

    def as_response(self) -> ModelResponse:
        """Return the answer as the encoders of the formats take it."""
        return ModelResponse(
            message=AssistantMessage(content=text_blocks(self.text), tool_calls=self.calls),
            finish_reason=self.finish_reason,
            usage=Usage(input_tokens=self.prompt_tokens, output_tokens=self.completion_tokens),
        )
