"""Read a chat request as one provider does.

In:  the bytes of a request; the provider's format.
Out: `CompletionRequest`, or the `Rejection` that this provider would send.

The request is translated into the plain OpenAI format, read by `agentkit.dialect`, and checked by
the rules of the model's family.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any, cast

from agentkit.dialect.event_stream import compact_json
from agentkit.dialect.openai_chat.server_request import decode_chat_request
from agentkit.dialect.received_request import InvalidRequestError, ReceivedRequest, load_body
from agentkit.sandbox.wire.completion import CompletionRequest
from agentkit.sandbox.wire.mistral_checks import ID_CODE, find_violations
from agentkit.sandbox.wire.plan_input import build_plan_request, find_call_ids
from agentkit.sandbox.wire.prompted_chat import find_prompted
from agentkit.sandbox.wire.provider_format import ChoiceKind, ProviderFormat
from agentkit.sandbox.wire.rejection import (
    Rejection,
    from_details,
    from_invalid_request,
    from_violation,
)
from agentkit.sandbox.wire.request_adaptation import AdaptedBody, adapt_body

_NO_PARSER = (
    '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'
)


def read_chat(text: bytes, *, form: ProviderFormat, today: date) -> CompletionRequest | Rejection:
    """Read a request, or return why it is rejected."""
    try:
        raw = load_body(text)
        adapted = adapt_body(raw, form.request)
        if isinstance(adapted, Rejection):
            return adapted
        choice = _choice_kind(raw.get("tool_choice"))
        rejected = _reject_choice(choice, form)
        if rejected is not None:
            return rejected
        is_ignored = choice in form.request.ignored_choices
        body = {
            name: value
            for name, value in adapted.body.items()
            if not (is_ignored and name == "tool_choice")
        }
        received = decode_chat_request(body)
    except InvalidRequestError as error:
        return from_invalid_request(error)
    rejected = _check(adapted, received, form=form, ignores_choice=is_ignored)
    if rejected is not None:
        return rejected
    return replace(
        _as_request(received, form=form, today=today),
        sent=f"{received.model}\n{compact_json(dict(adapted.conversation))}",
        max_tokens=adapted.max_tokens,
        wants_usage=_wants_usage(raw),
    )


def reject_model(model: str, form: ProviderFormat) -> Rejection | None:
    """Reject an id that the provider does not have."""
    if form.request.any_model or model in form.models:
        return None
    message = {
        "mistral": f"Invalid model: {model}",
        "openrouter": f"{model} is not a valid model ID",
    }.get(form.errors, f"The model '{model}' does not exist.")
    return Rejection(message=message, kind="model", type="invalid_model", code="1500")


def _wants_usage(raw: Mapping[str, Any]) -> bool:
    """Return whether a request asks for usage, in OpenAI's field or in OpenRouter's."""
    usage, options = raw.get("usage"), raw.get("stream_options")
    return (isinstance(usage, dict) and usage.get("include") is True) or (
        isinstance(options, dict) and options.get("include_usage") is True
    )


def _choice_kind(choice: object) -> ChoiceKind | None:
    """Return how a choice is written; a value of another type is rejected with the fields."""
    if isinstance(choice, dict):
        return "named"
    # An unknown word is rejected, as is a kind that the provider does not know.
    return cast(ChoiceKind, choice) if isinstance(choice, str) else None


def _reject_choice(choice: ChoiceKind | None, form: ProviderFormat) -> Rejection | None:
    """Reject a kind of tool choice that the provider does not accept."""
    quirks = form.request
    if choice is None or choice in quirks.tool_choices or choice in quirks.ignored_choices:
        return None
    if not quirks.tool_choices:
        return Rejection(message=_NO_PARSER, kind="tools", type="BadRequestError")
    if form.errors == "openrouter":
        message = "No endpoints found that support the provided 'tool_choice' value."
        return Rejection(message=message, kind="tools", status=404)
    words = sorted(quirks.tool_choices - {"named"})
    if choice == "named" and form.errors == "text":
        message = f"Invalid tool_choice type: 'object'. Supported string values: {', '.join(words)}"
        return Rejection(message=message, kind="tools")
    message = f"Input should be {', '.join(map(repr, words[:-1]))} or {words[-1]!r}"
    return from_details([{"type": "enum", "loc": ["body", "tool_choice"], "msg": message}])


def _check(
    adapted: AdaptedBody, received: ReceivedRequest, *, form: ProviderFormat, ignores_choice: bool
) -> Rejection | None:
    """Reject what the provider's list of models, its missing tools or its template would."""
    model = received.model
    if (rejected := reject_model(model, form)) is not None:
        return rejected
    if received.tools and model in form.request.models_without_tools:
        message = f"registry.ollama.ai/library/{model} does not support tools"
        return Rejection(message=message, kind="tools", type="api_error")
    conversation = dict(adapted.conversation)
    if ignores_choice:
        conversation.pop("tool_choice", None)
    for violation in find_violations(conversation):
        if violation.code != ID_CODE or form.request.checks_call_ids:
            return from_violation(violation)
    return None


def _as_request(
    received: ReceivedRequest, *, form: ProviderFormat, today: date
) -> CompletionRequest:
    prompted = None if received.tools else find_prompted(received.messages)
    is_text = prompted is not None or form.response.calls_as_text
    parallel = form.request.parallel_by_default
    return CompletionRequest(
        model=received.model,
        plan=build_plan_request(received, parallel_by_default=parallel, today=today)
        if prompted is None
        else prompted.as_plan_request(today=today),
        sent="",
        used_ids=find_call_ids(received.messages),
        stop=received.settings.stop,
        is_stream=received.stream,
        call_format="marked_text" if is_text else "native",
    )
