"""Why a provider rejects a request, and how each provider reports it.

In:  `Rejection`: what is wrong, apart from any provider's format.
Out: `EncodedResponse`, in the provider's own error format and with its status.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any, Literal, TypeAlias

from agentkit.dialect.anthropic_messages.server_errors import (
    describe_invalid_request,
    encode_messages_error,
)
from agentkit.dialect.event_stream import compact_json
from agentkit.dialect.openai_chat.server_errors import encode_chat_error
from agentkit.dialect.received_request import InvalidRequestError
from agentkit.json_schema import JsonValue
from agentkit.sandbox.wire.encoded_response import EncodedResponse
from agentkit.sandbox.wire.mistral_checks import RuleViolation
from agentkit.sandbox.wire.provider_format import ErrorFormat, ProviderFormat
from agentkit.value import dataclass

RejectionKind: TypeAlias = Literal["fields", "template", "key", "model", "tools", "path", "other"]

_STATUS: Mapping[RejectionKind, int] = {"fields": 400, "key": 401, "model": 404, "path": 404}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """What is wrong with a request.

    Attributes:
        kind: what is wrong with it; the status follows from this and from the provider.
        detail: where the errors are, as pydantic describes them.
        status: the status instead of the usual one; 0 for the usual one.
    """

    message: str
    kind: RejectionKind = "other"
    type: str = "invalid_request_error"
    code: str | None = None
    detail: tuple[Mapping[str, JsonValue], ...] = ()
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)


def from_violation(violation: RuleViolation) -> Rejection:
    """Return the rejection of a conversation that the model's template does not accept."""
    return Rejection(
        message=violation.message, kind="template", type=violation.type, code=violation.code
    )


def from_invalid_request(error: InvalidRequestError) -> Rejection:
    """Return the rejection of a request that does not follow its format."""
    if not error.details:
        return Rejection(message=describe_invalid_request(error))
    return from_details([{**one, "loc": ["body", *_location(one)]} for one in error.details])


def from_details(detail: Sequence[Mapping[str, Any]]) -> Rejection:
    """Return the rejection of a body with errors at these locations."""
    places = (f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in detail)
    return Rejection(message="; ".join(places), kind="fields", detail=tuple(detail), code="3001")


def unknown_field(*location: str | int) -> Rejection:
    """Return the rejection of a field that the provider does not know."""
    loc: list[JsonValue] = ["body", *location]
    message = "Extra inputs are not permitted"
    return from_details([{"type": "extra_forbidden", "loc": loc, "msg": message}])


def _location(detail: Mapping[str, JsonValue]) -> list[JsonValue]:
    location = detail["loc"]
    return location if isinstance(location, list) else []


def encode_rejection(
    rejection: Rejection, form: ProviderFormat, *, errors: ErrorFormat | None = None
) -> EncodedResponse:
    """Encode a rejection as the provider does.

    Args:
        rejection: what is wrong.
        form: the provider's format.
        errors: the format of the error, if the endpoint has another than its provider.
    """
    kind = errors or form.errors
    status = rejection.status or _status_of(rejection, form, kind)
    if form.rejection_status and kind == form.errors and rejection.kind != "key":
        status = form.rejection_status
    body = _ENCODERS[kind](rejection, status)
    return EncodedResponse(status=status, headers=rejection.headers, body=body)


def _status_of(rejection: Rejection, form: ProviderFormat, kind: ErrorFormat) -> int:
    if rejection.kind == "template":
        return form.template_status
    if rejection.kind == "fields" and kind == "mistral":
        return 422
    if rejection.kind == "model" and kind in ("mistral", "openrouter"):
        return 400
    return _STATUS.get(rejection.kind, 400)


def _mistral(rejection: Rejection, _: int) -> JsonValue:
    message: JsonValue = rejection.message
    if rejection.detail:
        message = {"detail": [dict(one) for one in rejection.detail]}
    return {
        "object": "error",
        "message": message,
        "type": rejection.type,
        "param": None,
        "code": rejection.code,
    }


def _openai(rejection: Rejection, status: int) -> JsonValue:
    code = "invalid_api_key" if rejection.kind == "key" else None
    return encode_chat_error(rejection.message, status=status, kind=rejection.type, code=code)


def _vllm(rejection: Rejection, status: int) -> JsonValue:
    types = {401: "Unauthorized", 404: "NotFoundError", 500: "InternalServerError"}
    error: JsonValue = {
        "message": rejection.message,
        "type": types.get(status, "BadRequestError"),
        "param": None,
        "code": status,
    }
    return {"error": error}


def _openrouter(rejection: Rejection, status: int) -> JsonValue:
    error: dict[str, JsonValue] = {"message": rejection.message, "code": status}
    if rejection.kind in ("template", "fields"):
        # A router forwards its upstream's error, as text inside its own.
        raw = compact_json(_mistral(rejection, status))
        error["message"] = "Provider returned error"
        error["metadata"] = {"raw": raw, "provider_name": "Mistral"}
    return {"error": error, "user_id": "user_sandbox"}


def _llamacpp(rejection: Rejection, status: int) -> JsonValue:
    types = {401: "authentication_error", 404: "not_found_error", 500: "server_error"}
    message = rejection.message
    if rejection.kind == "template":
        message = f"Jinja Exception: {message}"
    kind = types.get(status, "invalid_request_error")
    return {"error": {"code": status, "message": message, "type": kind}}


def _text(rejection: Rejection, _: int) -> JsonValue:
    return {"error": rejection.message}


def _status(rejection: Rejection, _: int) -> JsonValue:
    return {"status": "error", "message": rejection.message}


def _anthropic(rejection: Rejection, status: int) -> JsonValue:
    return encode_messages_error(rejection.message, status=status, request_id="req_sandbox")


_ENCODERS: Mapping[ErrorFormat, Callable[[Rejection, int], JsonValue]] = {
    "mistral": _mistral,
    "openai": _openai,
    "vllm": _vllm,
    "openrouter": _openrouter,
    "llamacpp": _llamacpp,
    "text": _text,
    "status": _status,
    "anthropic": _anthropic,
}
