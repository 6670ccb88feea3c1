"""Translate a provider's chat request into the plain OpenAI format, as strictly as the provider.

In:  the JSON object of a request; the provider's quirks.
Out: `AdaptedBody`, or the `Rejection` that the provider would send.

A strict provider rejects what it does not know; a lenient one ignores it.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agentkit.dialect.received_request import as_invalid_request
from agentkit.sandbox.wire.provider_format import RequestQuirks
from agentkit.sandbox.wire.rejection import (
    Rejection,
    from_details,
    from_invalid_request,
    unknown_field,
)
from agentkit.value import dataclass

_NAMES = {
    "max_completion_tokens": "max_tokens",
    "seed": "random_seed",
    "streaming": "stream",
}
_FORMAT_FIELDS = (
    "model", "messages", "tools", "tool_choice", "parallel_tool_calls", "stream", "stop",
)  # fmt: skip
_CONVERSATION_FIELDS = ("messages", "tools", "tool_choice")
_OF_MESSAGE: Mapping[str, frozenset[str]] = {
    "system": frozenset({"role", "content"}),
    "user": frozenset({"role", "content"}),
    "assistant": frozenset({"role", "content", "tool_calls", "prefix"}),
    "tool": frozenset({"role", "content", "tool_call_id", "name"}),
}
_OF_CALL = frozenset({"id", "type", "function", "index"})
_OF_FUNCTION_CALL = frozenset({"name", "arguments"})
_OF_OFFER = frozenset({"type", "function"})
_OF_FUNCTION = frozenset({"name", "description", "parameters", "strict"})


class _TextFormat(BaseModel):
    model_config = ConfigDict(extra="forbid")

    type: Literal["text"] = "text"


class _SamplingFields(BaseModel):
    """Fields of La Plateforme that change nothing here, with its ranges for this model."""

    model_config = ConfigDict(strict=True)

    max_tokens: Annotated[int, Field(ge=0)] | None = None
    temperature: Annotated[float, Field(ge=0, le=1.5)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    random_seed: Annotated[int, Field(ge=0)] | None = None
    response_format: _TextFormat | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    n: Literal[1] | None = None
    safe_prompt: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptedBody:
    """A request in the provider's terms and in those of the OpenAI format.

    Attributes:
        conversation: `messages`, `tools` and `tool_choice` as the model's template sees them.
        body: the request in the OpenAI format.
        max_tokens: the limit of the answer; providers accept 0, which the format does not.
    """

    conversation: Mapping[str, Any]
    body: Mapping[str, Any]
    max_tokens: int | None = None


def adapt_body(raw: Mapping[str, Any], quirks: RequestQuirks) -> AdaptedBody | Rejection:
    """Return the request in the OpenAI format, or why the provider rejects one of its fields."""
    unknown = [name for name in raw if name not in (quirks.known_fields or raw)]
    if unknown:
        return unknown_field(unknown[0])
    named = {_NAMES.get(name, name): value for name, value in raw.items() if value is not None}
    model = next((raw[name] for name in quirks.model_fields if name in raw), None)
    if model is None:
        location = ["body", quirks.model_fields[0]]
        return from_details([{"type": "missing", "loc": location, "msg": "Field required"}])
    own = {name: named[name] for name in _FORMAT_FIELDS if name in named} | {"model": model}
    if not quirks.strict_nested:
        _drop_unknown(own)
    rejected = next(_find_nested(own, is_strict=quirks.strict_nested), None)
    if rejected is not None:
        return rejected
    checked = _SamplingFields.model_fields
    if quirks.known_fields is None or not quirks.strict_nested:
        checked = {"max_tokens": checked["max_tokens"]}  # the other ranges differ by provider
    sampling = {name: value for name, value in named.items() if name in checked}
    try:
        read = _SamplingFields.model_validate(sampling)
    except ValidationError as error:
        return from_invalid_request(as_invalid_request(error, sampling))
    conversation = {name: own[name] for name in _CONVERSATION_FIELDS if name in own}
    return AdaptedBody(conversation=conversation, body=_as_format(own), max_tokens=read.max_tokens)


def _drop_unknown(body: dict[str, Any]) -> None:
    """Leave out what a lenient provider ignores inside messages and tools."""
    if isinstance(body.get("messages"), list):
        body["messages"] = [_fit_message(message) for message in body["messages"]]
    if isinstance(body.get("tools"), list):
        body["tools"] = [_fit_offer(offer) for offer in body["tools"]]
        if not body["tools"]:
            body.pop("tools")


def _fit_message(message: Any) -> Any:
    if not isinstance(message, dict):
        return message
    role = "system" if message.get("role") == "developer" else message.get("role")
    fitted = {**_keep(message, _OF_MESSAGE.get(str(role), frozenset(message))), "role": role}
    if role == "assistant" and isinstance(calls := message.get("tool_calls"), list):
        fitted["tool_calls"] = [_fit_inner(c, _OF_CALL, _OF_FUNCTION_CALL) for c in calls] or None
    if role == "assistant" and fitted.get("tool_calls"):
        fitted["content"] = None  # a template without a place for both writes the calls
    content = message.get("content")
    if role == "tool" and isinstance(content, list):
        texts = (part.get("text") for part in content if isinstance(part, dict))
        fitted["content"] = "".join(text for text in texts if isinstance(text, str))
    return fitted


def _fit_offer(offer: Any) -> Any:
    fitted = _fit_inner(offer, _OF_OFFER, _OF_FUNCTION)
    if isinstance(fitted, dict) and isinstance(fitted.get("function"), dict):
        fitted["function"] = {"parameters": {}, **fitted["function"]}
    return fitted


def _fit_inner(value: Any, outer: frozenset[str], inner: frozenset[str]) -> Any:
    if not isinstance(value, dict):
        return value
    fitted = _keep(value, outer)
    if isinstance(fitted.get("function"), dict):
        fitted["function"] = _keep(fitted["function"], inner)
    return fitted


def _keep(value: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: one for name, one in value.items() if name in names and one is not None}


def _find_nested(body: Mapping[str, Any], *, is_strict: bool) -> Iterator[Rejection]:
    """Yield what the OpenAI format accepts inside messages and tools, and the provider does not."""
    for place, message in enumerate(_dicts(body.get("messages"))):
        role = str(message.get("role"))
        where = ("messages", place, role)
        yield from _find_other_parts(message.get("content"), *where, "content")
        if role == "tool" and not isinstance(message.get("name"), str | None):
            yield _wrong_string(*where, "name")
        if not is_strict:
            continue
        if role == "developer":
            reason = f"Input tag 'developer' found does not match any of {', '.join(_OF_MESSAGE)}"
            location = ["body", "messages", place]
            yield from_details([{"type": "union_tag_invalid", "loc": location, "msg": reason}])
        yield from _find_unknown(message, _OF_MESSAGE.get(role, frozenset(message)), *where)
        if role == "tool" and isinstance(message.get("content"), list):
            yield _wrong_string(*where, "content")
    for place, offer in enumerate(_dicts(body.get("tools")) if is_strict else ()):
        function = offer.get("function")
        if isinstance(function, dict):
            where = ("tools", place, "function")
            yield from _find_unknown(function, _OF_FUNCTION, *where)
            if "parameters" not in function:
                location = ["body", *where, "parameters"]
                yield from_details([{"type": "missing", "loc": location, "msg": "Field required"}])


def _find_other_parts(content: Any, *where: str | int) -> Iterator[Rejection]:
    """Yield the parts of a content that are not text, the only one that these models read."""
    for place, part in enumerate(_dicts(content)):
        if part.get("type") != "text":
            location = ["body", *where, place, "type"]
            reason = "Input should be 'text'"
            yield from_details([{"type": "literal_error", "loc": location, "msg": reason}])


def _wrong_string(*where: str | int) -> Rejection:
    reason = "Input should be a valid string"
    return from_details([{"type": "string_type", "loc": ["body", *where], "msg": reason}])


def _find_unknown(
    value: Mapping[str, Any], known: frozenset[str], *where: str | int
) -> Iterator[Rejection]:
    for name in value:
        if name not in known:
            yield unknown_field(*where, name)


def _dicts(values: Any) -> list[dict[str, Any]]:
    """Return the items of a list, with an empty object for each that is none: positions count."""
    items = values if isinstance(values, list) else []
    return [one if isinstance(one, dict) else {} for one in items]


def _as_format(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request in the OpenAI format, without what only Mistral's has."""
    adapted = dict(body)
    if adapted.get("tool_choice") == "any":
        adapted["tool_choice"] = "required"
    if isinstance(body.get("messages"), list):
        adapted["messages"] = [_as_format_message(message) for message in body["messages"]]
    if isinstance(body.get("tools"), list):
        adapted["tools"] = [
            {"type": "function", **offer} if isinstance(offer, dict) else offer
            for offer in body["tools"]
        ]
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        adapted["tool_choice"] = {"type": "function", **choice}
    return adapted


def _as_format_message(message: Any) -> Any:
    if not isinstance(message, dict):
        return message
    adapted = {name: value for name, value in message.items() if name != "prefix"}
    if message.get("role") == "tool":
        adapted.pop("name", None)
        if adapted.get("tool_call_id") is None:
            adapted["tool_call_id"] = "null"  # Mistral's own word for an id that is missing
    if isinstance(calls := message.get("tool_calls"), list):
        adapted["tool_calls"] = [_as_format_call(call) for call in calls]
    return adapted


def _as_format_call(call: Any) -> Any:
    if not isinstance(call, dict):
        return call
    adapted = {"id": "null", "type": "function", **call}
    function = call.get("function")
    if isinstance(function, dict) and isinstance(function.get("arguments"), dict):
        text = json.dumps(function["arguments"], ensure_ascii=False)
        adapted["function"] = {**function, "arguments": text}
    return adapted
