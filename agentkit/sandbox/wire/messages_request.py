"""Read a request in the Anthropic messages format as one provider does.

In:  the bytes of a request; the provider's format.
Out: `CompletionRequest`, or the `Rejection` that the provider would send.
"""

from dataclasses import replace
from datetime import date

from agentkit.chat import ToolChoice
from agentkit.content import ImageContent
from agentkit.dialect.anthropic_messages.server_request import decode_messages_request
from agentkit.dialect.event_stream import compact_json
from agentkit.dialect.received_request import InvalidRequestError, ReceivedRequest, load_body
from agentkit.message import ToolResult, UserMessage
from agentkit.sandbox.wire.chat_request import reject_model
from agentkit.sandbox.wire.completion import CompletionRequest
from agentkit.sandbox.wire.mistral_checks import check_id
from agentkit.sandbox.wire.plan_input import build_plan_request, find_call_ids
from agentkit.sandbox.wire.provider_format import ProviderFormat
from agentkit.sandbox.wire.rejection import Rejection, from_invalid_request, from_violation

_SENT = ("system", "messages", "tools", "tool_choice")


def read_messages(
    text: bytes, *, form: ProviderFormat, today: date, is_count: bool = False
) -> CompletionRequest | Rejection:
    """Read a request, or return why it is rejected.

    Args:
        text: the body.
        form: the provider's.
        today: the date that "today" is.
        is_count: only the tokens are to be counted.
    """
    try:
        body = load_body(text)
        received = decode_messages_request(body, is_count=is_count)
    except InvalidRequestError as error:
        return from_invalid_request(error)
    rejected = reject_model(received.model, form) or _reject_content(received, form)
    if rejected is not None:
        return rejected
    received = replace(received, tool_choice=_effective_choice(received.tool_choice, form))
    sent = {name: body[name] for name in _SENT if name in body}
    settings = received.settings
    return CompletionRequest(
        model=received.model,
        plan=build_plan_request(
            received, parallel_by_default=form.request.parallel_by_default, today=today
        ),
        sent=f"{received.model}\n{compact_json(sent)}",
        used_ids=find_call_ids(received.messages),
        max_tokens=settings.max_tokens,
        stop=settings.stop,
        is_stream=received.stream,
    )


def _reject_content(received: ReceivedRequest, form: ProviderFormat) -> Rejection | None:
    """Reject images, and ids that the model's template does not accept though the format does."""
    for message in received.messages:
        content = message.content if isinstance(message, UserMessage | ToolResult) else ()
        if any(isinstance(block, ImageContent) for block in content):
            return Rejection(message="This model reads text; the request holds an image.")
    ids = find_call_ids(received.messages) if form.request.checks_call_ids else ()
    violation = next(filter(None, map(check_id, sorted(ids))), None)
    return None if violation is None else from_violation(violation)


def _effective_choice(choice: ToolChoice, form: ProviderFormat) -> ToolChoice:
    """Return `auto` instead of a choice that the provider ignores."""
    kind = "named" if choice.name is not None else choice.mode
    return ToolChoice() if kind in form.request.ignored_choices else choice
