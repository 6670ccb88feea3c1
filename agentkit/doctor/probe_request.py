"""Build the probe requests in the provider's dialect.

In:  a `Diagnosis`, the name of a probe.
Out: a `Probe`.

A probe is a request as agentkit would send it, with one thing added or changed. Question and answer
are short and simple, so that a probe costs little and every model understands it.
"""

import json
from collections.abc import Mapping
from dataclasses import replace

from agentkit.chat import ModelRequest, ModelSettings, ToolChoice, ToolSpec
from agentkit.config.profile import Accepts, DialectName, ModelProfile, other_max_tokens_field
from agentkit.dialect.base import Encoded
from agentkit.dialect.openai_chat.messages import to_json
from agentkit.doctor.diagnosis import (
    OTHER_TOOL,
    STREAMS,
    TOOL,
    Diagnosis,
    named_tool,
    native_profiles,
)
from agentkit.doctor.probe import Probe, ProbeName
from agentkit.history import History
from agentkit.json_schema import JsonValue
from agentkit.message import AssistantMessage, Message, ToolCall, ToolResult, UserMessage
from agentkit.model.build import DIALECTS

MAX_TOKENS = 64
"""Token limit of a probe's answer: two short calls, or one sentence."""

LONG_ID = "call_0123456789abcdefghijABCD"
NINE_CHAR_ID = "a1B2c3D4e"
UNKNOWN_FIELD = "agentkit_doctor_probe"

_CITY: Mapping[str, JsonValue] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
_WEATHER = ToolSpec(name=TOOL, description="Return the weather in a city.", input_schema=_CITY)
_CLOCK = ToolSpec(name=OTHER_TOOL, description="Return the time in a city.", input_schema=_CITY)

_GREETING = "Say hello in one word."
# A model calls a tool for this only if it must.
_IDLE_QUESTION = "Say hello to Oslo in one word."
_WEATHER_QUESTION = "What is the weather in Oslo? Use the tool."
_TWO_QUESTIONS = "What is the weather in Oslo and in Rome? Use the tool for both at once."
_JSON_QUESTION = 'Answer with this JSON object and nothing else: {"city": "Oslo"}'

_ASKED: Mapping[ProbeName, str] = {
    "chat": _GREETING,
    "chat_other_limit": _GREETING,
    "chat_below_v1": _GREETING,
    "completions": _GREETING,
    "auto_and_parallel": _TWO_QUESTIONS,
    "auto": _TWO_QUESTIONS,
    "named": _TWO_QUESTIONS,
    "required": _IDLE_QUESTION,
    "any": _IDLE_QUESTION,
    "unknown_field": _GREETING,
    "wrong_request": _GREETING,
    "json_schema": _JSON_QUESTION,
    "json_object": _JSON_QUESTION,
    "without_tools": _WEATHER_QUESTION,
}
_WITH_TOOLS = frozenset({"auto_and_parallel", "auto", "named", "required", "any"})
_WITHOUT_TOOLS = frozenset(_ASKED) - _WITH_TOOLS
# Same question, same tools: the named tool is then one that was not called by free choice.
_BETWEEN_TOOLS = frozenset({"auto_and_parallel", "auto", "named"})
_ID_PROBES: Mapping[ProbeName, str] = {"nine_char_id": NINE_CHAR_ID, "long_id": LONG_ID}


def build_probe(name: ProbeName, diagnosis: Diagnosis) -> Probe:
    """Return the probe of this name.

    Raises:
        UnsupportedError: the dialect cannot encode this probe.
    """
    provider, model = native_profiles(diagnosis)
    request = _request(name, diagnosis)
    dialect = _dialect(name, diagnosis)
    accepts = _accepts(name, provider.accepts)
    encoded = DIALECTS[dialect]().encode(
        request,
        provider=replace(provider, dialect=dialect, accepts=accepts),
        model=_ruled(name, model),
    )
    return Probe(
        name=name,
        request=request,
        encoded=_changed(name, encoded, diagnosis=diagnosis),
        dialect=dialect,
    )


def _request(name: ProbeName, diagnosis: Diagnosis) -> ModelRequest:
    question: list[Message] = [UserMessage(_ASKED.get(name, _WEATHER_QUESTION))]
    tools: tuple[ToolSpec, ...] = () if name in _WITHOUT_TOOLS else (_WEATHER,)
    if name in ("round_trip", *_ID_PROBES):
        question += _round_trip(_ID_PROBES.get(name) or provider_call_id(diagnosis))
    if name in _BETWEEN_TOOLS:
        tools = (_WEATHER, _CLOCK)
    if name in STREAMS and not diagnosis.takes_tools:
        tools = ()  # rejected tools would hide whether streams work
    choice = ToolChoice(mode="required") if name == "prompted" else ToolChoice()
    return ModelRequest(
        history=History(question),
        tools=tools,
        tool_choice=choice,
        settings=ModelSettings(max_tokens=MAX_TOKENS, temperature=0.0),
        stream=name in STREAMS,
    )


def _round_trip(call_id: str) -> list[Message]:
    """Return a tool call and its result."""
    call = ToolCall(id=call_id, name=TOOL, arguments='{"city":"Oslo"}')
    return [AssistantMessage(tool_calls=[call]), ToolResult(call_id, "Sunny, 21 degrees.")]


def provider_call_id(diagnosis: Diagnosis) -> str:
    """Return an id that the provider generated, else one of the usual length."""
    ids = (call_id for each in diagnosis.results.values() for call_id in each.call_ids)
    return next((call_id for call_id in ids if call_id.strip()), LONG_ID)


def _dialect(name: ProbeName, diagnosis: Diagnosis) -> DialectName:
    return name if name in ("completions", "prompted") else diagnosis.form


def _ruled(name: ProbeName, model: ModelProfile) -> ModelProfile:
    """Return the model with the rules of a probe: with `plain`, ids are not rewritten."""
    match name:
        case "long_id":
            return replace(model, rules="plain")
        case "nine_char_id":
            return replace(model, rules="mistral")
        case _:
            return model


def _accepts(name: ProbeName, accepts: Accepts) -> Accepts:
    # The usage field has its own probes; in others it must not be the cause of a rejection.
    accepts = replace(accepts, stream_usage=STREAMS.get(name, "never"))
    if name == "chat_other_limit":
        return replace(accepts, max_tokens_field=other_max_tokens_field(accepts))
    return accepts


def _changed(name: ProbeName, encoded: Encoded, *, diagnosis: Diagnosis) -> Encoded:
    """Return the request with the one field that the dialect would not send."""
    more = _more_fields(name, diagnosis)
    wire = encoded.wire
    if more:
        body = {**json.loads(wire.body), **more}
        wire = replace(wire, body=to_json(body))
    if name == "chat_below_v1" or diagnosis.is_answered("chat_below_v1"):
        wire = replace(wire, path=f"/v1{wire.path}")
    return replace(encoded, wire=wire)


def _more_fields(name: ProbeName, diagnosis: Diagnosis) -> Mapping[str, object]:
    match name:
        case "auto_and_parallel" | "auto" | "required" | "any" | "none" | "named":
            return _choice_fields(name, form=diagnosis.form, named=named_tool(diagnosis))
        case "unknown_field":
            return {UNKNOWN_FIELD: True}
        case "json_object":
            return {"response_format": {"type": "json_object"}}
        case "json_schema":
            schema = {"name": "place", "strict": True, "schema": _closed(_CITY)}
            return {"response_format": {"type": "json_schema", "json_schema": schema}}
        case "wrong_request":
            return {"messages": "not a list"}
        case _:
            return {}


def _choice_fields(name: ProbeName, *, form: DialectName, named: str) -> Mapping[str, object]:
    """Return the tool choice in the dialect's form."""
    if form == "anthropic_messages":
        encoded: dict[str, object] = {"type": {"required": "any"}.get(name, name)}
        if name == "named":
            encoded = {"type": "tool", "name": named}
        if name == "auto_and_parallel":
            encoded = {"type": "auto", "disable_parallel_tool_use": False}
        return {"tool_choice": encoded}
    match name:
        case "named":
            return {"tool_choice": {"type": "function", "function": {"name": named}}}
        case "auto_and_parallel":
            return {"tool_choice": "auto", "parallel_tool_calls": True}
        case _:
            return {"tool_choice": name}


def _closed(schema: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    return {**schema, "additionalProperties": False}
