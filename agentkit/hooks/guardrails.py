"""Check what goes to a model and what it answers.

In:  a `Model`, functions that may refuse a request or an answer.
Out: a `Model`; a refusal is raised as `GuardrailError`, or answered in place.

An answer that is checked is shown when it has passed, not while it arrives.
"""

from collections.abc import Awaitable, Callable
from typing import Literal, TypeAlias

from agentkit.chat import ModelRequest, ModelResponse
from agentkit.errors import AgentKitError
from agentkit.event import Emit
from agentkit.hooks.model_middleware import (
    CallNext,
    settled,
    show_whole,
    without_text,
    wrapped_model,
)
from agentkit.log import Log
from agentkit.message import AssistantMessage
from agentkit.model.model import Model
from agentkit.usage import Usage
from agentkit.value import dataclass, replace

Checked: TypeAlias = Literal["input", "output"]

log = Log("agentkit.hooks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """Why something must not pass.

    Attributes:
        reason: for the caller; hold no secret in it.
        answer: what the user is answered in place of the model's words; None raises an error.
    """

    reason: str
    answer: str | None = None


class GuardrailError(AgentKitError):
    """A check of the caller's refused what goes to a model, or what it answered.

    Attributes:
        checked: `input` if the model was not asked, `output` if its answer was refused.
        reason: what the check said.
        usage: what the refused answer used.
    """

    def __init__(
        self,
        message: str,
        *,
        checked: Checked = "input",
        reason: str = "",
        usage: Usage | None = None,
    ) -> None:
        super().__init__(message)
        self.checked = checked
        self.reason = reason
        self.usage = usage or Usage()


CheckInput: TypeAlias = Callable[[ModelRequest], Blocked | Awaitable[Blocked | None] | None]
"""Sees each request, with the whole conversation that is sent; None lets it pass."""

CheckOutput: TypeAlias = Callable[[ModelResponse], Blocked | Awaitable[Blocked | None] | None]
"""Sees each response, with its calls; None lets it pass."""


def guarded(
    model: Model,
    *,
    check_input: CheckInput | None = None,
    check_output: CheckOutput | None = None,
) -> Model:
    """Return a model whose requests and answers are checked.

    A refusal with an answer ends the run with that answer and `stop_reason` `content_filter`; no
    call of the refused answer is run. One without an answer is raised.

    Args:
        model: what is asked.
        check_input: sees each request before it is sent.
        check_output: sees each answer before anybody else; streamed text waits for it.
    """
    return wrapped_model(model, _Guard(check_input=check_input, check_output=check_output))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Guard:
    """The hook."""

    check_input: CheckInput | None
    check_output: CheckOutput | None

    async def __call__(self, request: ModelRequest, ask: CallNext, *, emit: Emit) -> ModelResponse:
        """See `ModelMiddleware`."""
        if self.check_input is not None:
            refusal = await settled(self.check_input(request))
            if refusal is not None:
                asked_nobody = ModelResponse(message=AssistantMessage(), finish_reason="stop")
                return await _refuse(refusal, "input", asked_nobody, request=request, emit=emit)
        if self.check_output is None:
            return await ask(request, emit=emit)
        # Asked for as a whole, so that the host's exchange can still be made again if it fails.
        response = await ask(replace(request, stream=False), emit=without_text(emit))
        refusal = await settled(self.check_output(response))
        if refusal is not None:
            return await _refuse(refusal, "output", response, request=request, emit=emit)
        if request.stream:
            await show_whole(response, emit=emit)
        return response


async def _refuse(
    refusal: Blocked,
    checked: Checked,
    response: ModelResponse,
    *,
    request: ModelRequest,
    emit: Emit,
) -> ModelResponse:
    """Raise a refusal, or answer in place of `response`."""
    log.info("exchange_refused", checked=checked, reason=refusal.reason)
    if refusal.answer is None:
        what = "The request" if checked == "input" else "The model's answer"
        raise GuardrailError(
            f"{what} was refused by a check: {refusal.reason}",
            checked=checked,
            reason=refusal.reason,
            usage=response.usage,
        )
    answered = replace(
        response,
        message=AssistantMessage.of(refusal.answer),
        finish_reason="content_filter",
        raw_finish_reason=f"refused_{checked}",
        repairs=(),
    )
    if request.stream:
        await show_whole(answered, emit=emit)
    return answered
