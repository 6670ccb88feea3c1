"""Raw text completion: a prompt in the v3 instruct format, and text as the response.

In:  the bytes of a request; a `Completion`.
Out: `CompletionRequest` or a `Rejection`; `EncodedResponse`.

The prompt is read as a model reads it: text outside the format is an earlier answer. Calls are sent
without their marker, as by a server that does not return special tokens.
"""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from agentkit.chat import ToolChoice, ToolSpec
from agentkit.dialect.event_stream import StreamEvent
from agentkit.dialect.openai_chat.server_response import DONE
from agentkit.dialect.received_request import InvalidRequestError, load_body, validate_body
from agentkit.json_schema import JsonValue
from agentkit.sandbox.planner.plan_request import CallRecord, PlanRequest
from agentkit.sandbox.wire.chat_request import reject_model
from agentkit.sandbox.wire.chat_response import (
    FULL_NOTE,
    SHORT_NOTE,
    ResponseContext,
    encode_timings,
    split_fragments,
    split_text,
    streams_usage,
    usage_with_cost,
)
from agentkit.sandbox.wire.completion import Completion, CompletionRequest
from agentkit.sandbox.wire.encoded_response import EncodedResponse
from agentkit.sandbox.wire.prompt_markers import (
    PromptPart,
    pair,
    read_calls,
    read_offer,
    read_parts,
    read_result,
)
from agentkit.sandbox.wire.provider_format import ProviderFormat
from agentkit.sandbox.wire.rejection import Rejection, from_invalid_request


class PromptStreamOptions(BaseModel):
    """What a stream holds in addition to its text."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    include_usage: bool = False


class PromptBody(BaseModel):
    """A complete request; unknown fields are ignored."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True)

    model: str
    prompt: str
    # The format's own default, too little for most answers.
    max_tokens: Annotated[int, Field(ge=0)] = 16
    stop: str | list[str] | None = None
    stream: bool = False
    stream_options: PromptStreamOptions | None = None


def read_prompt(text: bytes, *, form: ProviderFormat, today: date) -> CompletionRequest | Rejection:
    """Read a request, or return why it is rejected."""
    try:
        body: PromptBody = validate_body(PromptBody, load_body(text))
    except InvalidRequestError as error:
        return from_invalid_request(error)
    rejected = reject_model(body.model, form)
    if rejected is not None:
        return rejected
    parts = read_parts(body.prompt)
    begun = parts.pop() if parts and parts[-1].kind == "calls" and parts[-1].is_open else None
    stop = body.stop
    options = body.stream_options
    return CompletionRequest(
        model=body.model,
        plan=_as_plan_request(parts, begun=begun, today=today),
        sent=f"{body.model}\n{body.prompt}",
        max_tokens=body.max_tokens,
        stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
        is_stream=body.stream,
        wants_usage=options is not None and options.include_usage,
        call_format="plain_text",
        text_prefix=begun.text if begun is not None else "",
    )


def encode_prompt(completion: Completion, context: ResponseContext) -> EncodedResponse:
    """Encode a response, complete or as server-sent events, as the request asks."""
    text = completion.text
    if not context.request.text_prefix and not text.startswith(" "):
        text = f" {text}"  # the format has a space before every text of the model
    if context.request.is_stream:
        events = _events(text, completion, context)
        return EncodedResponse(headers=context.headers, events=tuple(events))
    body: dict[str, JsonValue] = {
        **_head(context),
        "sandbox": FULL_NOTE,
        "choices": [_choice(text, completion.finish_reason)],
        "usage": usage_with_cost(completion, context),
        **encode_timings(completion, context.quirks),
    }
    return EncodedResponse(headers=context.headers, body=body)


def _as_plan_request(
    parts: list[PromptPart], *, begun: PromptPart | None, today: date
) -> PlanRequest:
    """Return what the planner is asked; the last offer and the last question count."""
    question, made = "", list[CallRecord]()
    tools: tuple[ToolSpec, ...] = ()
    calls: list[tuple[str, CallRecord]] = []
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
                question, made, calls, results = part.text, [], [], []
            case "assistant":
                pass  # earlier answers change nothing
    made += pair(calls, results)
    return PlanRequest(
        question=question,
        tools=tools,
        choice=_read_choice(begun),
        made=tuple(made),
        today=today,
    )


def _read_choice(begun: PromptPart | None) -> ToolChoice:
    """Return the choice that the beginning of a call leaves."""
    if begun is None:
        return ToolChoice()
    head, _, _ = begun.text.removeprefix('[{"name": "').partition('"')
    return ToolChoice(mode="required", name=head or None)


def _head(context: ResponseContext) -> dict[str, JsonValue]:
    return {
        "id": f"cmpl-{context.response_id}",
        "object": "text_completion",
        "created": context.created,
        "model": context.request.model,
        "sandbox": SHORT_NOTE,
    }


def _choice(text: str, reason: str | None) -> JsonValue:
    return {"index": 0, "text": text, "logprobs": None, "finish_reason": reason}


def _events(text: str, completion: Completion, context: ResponseContext) -> Iterator[StreamEvent]:
    head = _head(context)
    note = FULL_NOTE
    for piece in split_fragments(text) if text.startswith(" [") else split_text(text):
        yield StreamEvent(data={**head, "sandbox": note, "choices": [_choice(piece, None)]})
        note = SHORT_NOTE
    timings = encode_timings(completion, context.quirks)
    last: JsonValue = [_choice("", completion.finish_reason)]
    yield StreamEvent(data={**head, "choices": last, **timings})
    if streams_usage(context):
        usage: JsonValue = usage_with_cost(completion, context)
        yield StreamEvent(data={**head, "choices": [], "usage": usage})
    yield DONE
