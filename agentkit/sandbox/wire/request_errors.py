"""Why a provider refuses a request, and how each provider says so.

In:  `Refusal`: what is wrong, without any provider's words around it.
Out: `Spelled`, in the provider's own error form and with its status.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any, Literal, TypeAlias

from pydantic import ValidationError

from agentkit.json_schema import JsonValue
from agentkit.sandbox.wire.encoded_response import Spelled, to_json
from agentkit.sandbox.wire.mistral_checks import Fault
from agentkit.sandbox.wire.provider_format import ErrorForm, ProviderFormat
from agentkit.value import dataclass

Why: TypeAlias = Literal["fields", "template", "key", "model", "tools", "path", "other"]

_STATUS: Mapping[Why, int] = {"fields": 400, "key": 401, "model": 404, "path": 404}
_ANTHROPIC_TYPES = {401: "authentication_error", 404: "not_found_error"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What is wrong with a request.

    Attributes:
        why: the kind of fault; the status follows from it and from the provider.
        detail: the places of the faults, as pydantic tells them.
        status: the status in place of the usual one; 0 for the usual one.
    """

    message: str
    why: Why = "other"
    type: str = "invalid_request_error"
    code: str | None = None
    detail: tuple[Mapping[str, JsonValue], ...] = ()
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)


def of_fault(fault: Fault) -> Refusal:
    """Return the refusal of a conversation that the model's template does not take."""
    return Refusal(message=fault.message, why="template", type=fault.type, code=fault.code)


def of_fields(error: ValidationError) -> Refusal:
    """Return the refusal of a body, without repeating what was sent."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    if found[0]["type"] == "json_invalid":
        return Refusal(message=f"The body is not JSON: {found[0]['msg']}.")
    detail: list[Mapping[str, JsonValue]] = [
        {"type": one["type"], "loc": ["body", *one["loc"]], "msg": one["msg"]} for one in found
    ]
    return of_detail(detail)


def of_detail(detail: Sequence[Mapping[str, Any]]) -> Refusal:
    """Return the refusal of a body with faults at these places."""
    places = (f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in detail)
    return Refusal(message="; ".join(places), why="fields", detail=tuple(detail), code="3001")


def unknown_field(*place: str | int) -> Refusal:
    """Return the refusal of a field that the provider does not know."""
    loc: list[JsonValue] = ["body", *place]
    message = "Extra inputs are not permitted"
    return of_detail([{"type": "extra_forbidden", "loc": loc, "msg": message}])


def spell_refusal(
    refusal: Refusal, form: ProviderFormat, *, errors: ErrorForm | None = None
) -> Spelled:
    """Spell a refusal as the provider does.

    Args:
        refusal: what is wrong.
        form: whose words to use.
        errors: the error form, where the door has another than its provider.
    """
    kind = errors or form.errors
    status = refusal.status or _status_of(refusal, form, kind)
    if form.refusal_status and kind == form.errors and refusal.why != "key":
        status = form.refusal_status
    body = _SPELLERS[kind](refusal, status)
    return Spelled(status=status, headers=refusal.headers, body=body)


def _status_of(refusal: Refusal, form: ProviderFormat, kind: ErrorForm) -> int:
    if refusal.why == "template":
        return form.template_status
    if refusal.why == "fields" and kind == "mistral":
        return 422
    if refusal.why == "model" and kind in ("mistral", "openrouter"):
        return 400
    return _STATUS.get(refusal.why, 400)


def _mistral(refusal: Refusal, _: int) -> JsonValue:
    message: JsonValue = refusal.message
    if refusal.detail:
        message = {"detail": [dict(one) for one in refusal.detail]}
    return {
        "object": "error",
        "message": message,
        "type": refusal.type,
        "param": None,
        "code": refusal.code,
    }


def _openai(refusal: Refusal, _: int) -> JsonValue:
    error: JsonValue = {
        "message": refusal.message,
        "type": refusal.type,
        "param": None,
        "code": "invalid_api_key" if refusal.why == "key" else None,
    }
    return {"error": error}


def _vllm(refusal: Refusal, status: int) -> JsonValue:
    types = {401: "Unauthorized", 404: "NotFoundError", 500: "InternalServerError"}
    error: JsonValue = {
        "message": refusal.message,
        "type": types.get(status, "BadRequestError"),
        "param": None,
        "code": status,
    }
    return {"error": error}


def _openrouter(refusal: Refusal, status: int) -> JsonValue:
    error: dict[str, JsonValue] = {"message": refusal.message, "code": status}
    if refusal.why in ("template", "fields"):
        # What the provider behind it says is passed on, as text within the router's own error.
        raw = to_json(_mistral(refusal, status))
        error["message"] = "Provider returned error"
        error["metadata"] = {"raw": raw, "provider_name": "Mistral"}
    return {"error": error, "user_id": "user_sandbox"}


def _llamacpp(refusal: Refusal, status: int) -> JsonValue:
    types = {401: "authentication_error", 404: "not_found_error", 500: "server_error"}
    message = refusal.message
    if refusal.why == "template":
        message = f"Jinja Exception: {message}"
    kind = types.get(status, "invalid_request_error")
    return {"error": {"code": status, "message": message, "type": kind}}


def _text(refusal: Refusal, _: int) -> JsonValue:
    return {"error": refusal.message}


def _said(refusal: Refusal, _: int) -> JsonValue:
    return {"status": "error", "message": refusal.message}


def _anthropic(refusal: Refusal, status: int) -> JsonValue:
    kind = _ANTHROPIC_TYPES.get(status, "invalid_request_error")
    error: JsonValue = {"type": kind, "message": refusal.message}
    return {"type": "error", "error": error, "request_id": "req_sandbox"}


_SPELLERS: Mapping[ErrorForm, Callable[[Refusal, int], JsonValue]] = {
    "mistral": _mistral,
    "openai": _openai,
    "vllm": _vllm,
    "openrouter": _openrouter,
    "llamacpp": _llamacpp,
    "text": _text,
    "status": _said,
    "anthropic": _anthropic,
}
