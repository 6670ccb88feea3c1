"""Raw text completion: a prompt in the v3 instruct format, and text in return.

In:  the JSON of a request; a `Completion`.
Out: `Asked` or a `Refusal`; `Spelled`.

The prompt is read as a model reads it: what is not in the format is what somebody said. Calls go
out without their marker, as from a server that keeps special tokens to itself.
"""

from collections.abc import Iterator
from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agentkit.chat import ToolChoice, ToolSpec
from agentkit.json_schema import JsonValue
from agentkit.sandbox.planner.question import Ask, Asked, Completion, Made
from agentkit.sandbox.wire.chat_request import refuse_model
from agentkit.sandbox.wire.chat_response import (
    BRIEF_NOTE,
    DONE,
    FULL_NOTE,
    Answering,
    cut_oddly,
    cut_text,
    spell_timings,
    spell_usage,
    tells_usage,
)
from agentkit.sandbox.wire.encoded_response import Spelled, StreamEvent
from agentkit.sandbox.wire.prompt_markers import (
    Part,
    pair,
    read_calls,
    read_offer,
    read_parts,
    read_result,
)
from agentkit.sandbox.wire.provider_format import ProviderFormat
from agentkit.sandbox.wire.request_errors import Refusal, of_fields


class StreamOptions(BaseModel):
    """What a stream tells beside its text."""

    model_config = ConfigDict(frozen=True)

    include_usage: bool = False


class PromptBody(BaseModel):
    """A whole request; fields that are not known are passed over."""

    model_config = ConfigDict(frozen=True)

    model: str
    prompt: str
    # The form's own default, too little for most answers.
    max_tokens: Annotated[int, Field(ge=0)] = 16
    stop: str | list[str] | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None


def read_prompt(text: bytes, *, form: ProviderFormat, today: date) -> Asked | Refusal:
    """Read a request, or say why it is refused."""
    try:
        body = PromptBody.model_validate_json(text)
    except ValidationError as error:
        return of_fields(error)
    refused = refuse_model(body.model, form)
    if refused is not None:
        return refused
    parts = read_parts(body.prompt)
    begun = parts.pop() if parts and parts[-1].kind == "calls" and parts[-1].is_open else None
    stop = body.stop
    options = body.stream_options
    return Asked(
        model=body.model,
        ask=_as_ask(parts, begun=begun, today=today),
        sent=f"{body.model}\n{body.prompt}",
        max_tokens=body.max_tokens,
        stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
        is_stream=body.stream,
        wants_usage=options is not None and options.include_usage,
        in_words="bare",
        begun=begun.text if begun is not None else "",
    )


def spell_prompt(completion: Completion, answering: Answering) -> Spelled:
    """Spell an answer, whole or as server-sent events, as was asked."""
    text = completion.text
    if not answering.asked.begun and not text.startswith(" "):
        text = f" {text}"  # as the format has it before every text of the model
    if answering.asked.is_stream:
        events = _events(text, completion, answering)
        return Spelled(headers=answering.headers, events=tuple(events))
    body: dict[str, JsonValue] = {
        **_head(answering),
        "sandbox": FULL_NOTE,
        "choices": [_choice(text, completion.finish_reason)],
        "usage": spell_usage(completion, answering),
        **spell_timings(completion, answering.gives),
    }
    return Spelled(headers=answering.headers, body=body)


def _as_ask(parts: list[Part], *, begun: Part | None, today: date) -> Ask:
    """Tell the planner what matters to it; the last offer and the last question count."""
    question, made, earlier = "", list[Made](), list[Made]()
    tools: tuple[ToolSpec, ...] = ()
    calls: list[tuple[str, Made]] = []
    results: list[tuple[str, str]] = []
    for part in parts:
        match part.kind:
            case "offer":
                tools = read_offer(part.text)
            case "calls":
                made += pair(calls, results)
                calls, results = read_calls(part.text), []
            case "result":
                results.append(read_result(part.text))
            case "user":
                earlier += [*made, *pair(calls, results)]
                question, made, calls, results = part.text, [], [], []
            case "said":
                pass  # what was answered before changes nothing
    made += pair(calls, results)
    return Ask(
        question=question,
        tools=tools,
        choice=_read_choice(begun),
        made=tuple(made),
        earlier=tuple(earlier),
        today=today,
    )


def _read_choice(begun: Part | None) -> ToolChoice:
    """Return the choice that a call which was begun leaves."""
    if begun is None:
        return ToolChoice()
    head, _, _ = begun.text.removeprefix('[{"name": "').partition('"')
    return ToolChoice(mode="required", name=head or None)


def _head(answering: Answering) -> dict[str, JsonValue]:
    return {
        "id": f"cmpl-{answering.response_id}",
        "object": "text_completion",
        "created": answering.created,
        "model": answering.asked.model,
        "sandbox": BRIEF_NOTE,
    }


def _choice(text: str, reason: str | None) -> JsonValue:
    return {"index": 0, "text": text, "logprobs": None, "finish_reason": reason}


def _events(text: str, completion: Completion, answering: Answering) -> Iterator[StreamEvent]:
    head = _head(answering)
    note = FULL_NOTE
    for piece in cut_oddly(text) if text.startswith(" [") else cut_text(text):
        yield StreamEvent(data={**head, "sandbox": note, "choices": [_choice(piece, None)]})
        note = BRIEF_NOTE
    timings = spell_timings(completion, answering.gives)
    last: JsonValue = [_choice("", completion.finish_reason)]
    yield StreamEvent(data={**head, "choices": last, **timings})
    if tells_usage(answering):
        usage: JsonValue = spell_usage(completion, answering)
        yield StreamEvent(data={**head, "choices": [], "usage": usage})
    yield DONE
