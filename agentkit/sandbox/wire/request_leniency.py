"""Fit a request to the one body that is read, as leniently as its provider does.

In:  the JSON object of a request; what the provider takes.
Out: an object with only the fields of `ChatBody`, under its names; or a `Refusal`.

A provider that is strict refuses what it does not know; another passes over it.
"""

from collections.abc import Mapping
from typing import Any

from agentkit.sandbox.wire.chat_body import ChatBody
from agentkit.sandbox.wire.provider_format import Takes
from agentkit.sandbox.wire.request_errors import Refusal, of_detail, unknown_field

_NAMES = {
    "max_completion_tokens": "max_tokens",
    "seed": "random_seed",
    "streaming": "stream",
}
_OURS = frozenset(ChatBody.model_fields)
# What no rule of the planner depends on; the ranges differ from provider to provider.
_UNREAD = frozenset(
    {"temperature", "top_p", "presence_penalty", "frequency_penalty", "response_format", "n"}
)
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


def fit_body(raw: Mapping[str, Any], takes: Takes) -> dict[str, Any] | Refusal:
    """Return the fields that are read, or the refusal of one that the provider does not know."""
    if takes.fields is not None:
        unknown = [name for name in raw if name not in takes.fields]
        if unknown:
            return unknown_field(unknown[0])
    is_exact = takes.fields is not None and takes.is_strict_inside
    body: dict[str, Any] = {}
    for name, value in raw.items():
        ours = _NAMES.get(name, name)
        if ours in _OURS and (is_exact or ours not in _UNREAD) and value is not None:
            body[ours] = value
    model = next((raw[name] for name in takes.model_fields if name in raw), None)
    if model is None:
        place = ["body", takes.model_fields[0]]
        return of_detail([{"type": "missing", "loc": place, "msg": "Field required"}])
    body["model"] = model
    if not takes.is_strict_inside:
        _loosen(body)
    return body


def _loosen(body: dict[str, Any]) -> None:
    """Leave out what a lenient provider passes over inside messages and tools."""
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
