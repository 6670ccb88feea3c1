"""Check what goes to a model and what it answers.

In:  a `Model`, functions that may block a request or an answer.
Out: a `Model`; a blocked exchange raises `GuardrailError`, or gets the check's own answer.

The text of a checked answer is emitted when it has passed, not while it arrives.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Literal, TypeAlias

from agentkit.chat import ModelRequest, ModelResponse
from agentkit.errors import AgentKitError, wrong_return
from agentkit.event import Emit
from agentkit.hooks.model_middleware import (
    CallNext,
    await_if_needed,
    emit_response,
    without_text,
    wrapped_model,
)
from agentkit.log import Log
from agentkit.message import AssistantMessage
from agentkit.model.model import Model
from agentkit.usage import Usage
from agentkit.value import dataclass

Checked: TypeAlias = Literal["input", "output"]

log: Log = Log("agentkit.hooks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """Why a check blocks a request or an answer.

    Attributes:
        reason: for the caller; it must not contain a secret.
        answer: the answer in place of the model's; None raises an error.
    """

    reason: str
    answer: str | None = None


class GuardrailError(AgentKitError):
    """A check of the caller's blocked a request to a model, or its answer.

    Attributes:
        checked: `input` if the request was blocked before it was sent, `output` if the answer was.
        reason: the check's reason.
        usage: the usage of the blocked answer.
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
        self.usage: Usage = usage or Usage()


CheckInput: TypeAlias = Callable[[ModelRequest], Blocked | Awaitable[Blocked | None] | None]
"""Gets each request, with the complete conversation that is sent; None lets it pass."""

CheckOutput: TypeAlias = Callable[[ModelResponse], Blocked | Awaitable[Blocked | None] | None]
"""Gets each response, with its calls; None lets it pass."""


def guarded(
    model: Model,
    *,
    check_input: CheckInput | None = None,
    check_output: CheckOutput | None = None,
) -> Model:
    """Return a model whose requests and answers are checked.

    `Blocked` with an answer ends the run with that answer and the `stop_reason` `content_filter`;
    no call of the blocked answer is run. `Blocked` without an answer raises `GuardrailError`.

    Args:
        model: the model that is checked.
        check_input: gets each request before it is sent.
        check_output: gets each answer first; streamed text waits for it.
    """
    return wrapped_model(model, _Guardrails(check_input=check_input, check_output=check_output))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Guardrails:
    """The middleware that runs the checks."""

    check_input: CheckInput | None
    check_output: CheckOutput | None

    async def __call__(
        self, request: ModelRequest, call_next: CallNext, *, emit: Emit
    ) -> ModelResponse:
        """See `ModelMiddleware`."""
        if self.check_input is not None:
            blocked = _checked(await await_if_needed(self.check_input(request)), self.check_input)
            if blocked is not None:
                no_response = ModelResponse(message=AssistantMessage(), finish_reason="stop")
                return await _block(blocked, "input", no_response, request=request, emit=emit)
        if self.check_output is None:
            return await call_next(request, emit=emit)
        # Not streamed, so that the exchange can still be retried if the connection breaks.
        response = await call_next(replace(request, stream=False), emit=without_text(emit))
        blocked = _checked(await await_if_needed(self.check_output(response)), self.check_output)
        if blocked is not None:
            return await _block(blocked, "output", response, request=request, emit=emit)
        if request.stream:
            await emit_response(response, emit=emit)
        return response


def _checked(value: object, check: object) -> Blocked | None:
    """Return what a check returned, if it is of the right type."""
    if value is not None and not isinstance(value, Blocked):
        raise wrong_return(check, value, role="guardrail", expected="a Blocked or None")
    return value


async def _block(
    blocked: Blocked,
    checked: Checked,
    response: ModelResponse,
    *,
    request: ModelRequest,
    emit: Emit,
) -> ModelResponse:
    """Raise an error, or return a response with the check's own answer."""
    log.info("exchange_blocked", checked=checked, reason=blocked.reason)
    if blocked.answer is None:
        what = "The request" if checked == "input" else "The model's answer"
        raise GuardrailError(
            f"{what} was blocked by a check: {blocked.reason}",
            checked=checked,
            reason=blocked.reason,
            usage=response.usage,
        )
    answered = replace(
        response,
        message=AssistantMessage(blocked.answer),
        finish_reason="content_filter",
        raw_finish_reason=f"blocked_{checked}",
        repairs=(),
    )
    if request.stream:
        await emit_response(answered, emit=emit)
    return answered
