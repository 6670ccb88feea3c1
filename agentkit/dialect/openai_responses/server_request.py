"""Read a request in the OpenAI responses format, as a server.

In:  the JSON object of a request.
Out: `ReceivedRequest`, or `InvalidRequestError`, which names the parameter that is wrong.

`decode_responses_request` checks each field by itself; `check_responses_request` checks what the
fields mean together, and that nothing is asked for that no value of ours can carry. Whether results
answer the calls before them shows once the stored conversation is known.
"""

from collections.abc import Collection, Mapping

from agentkit.chat import ModelSettings, ToolChoice, ToolSpec
from agentkit.dialect.openai_chat.server_body import ObjectFormat
from agentkit.dialect.openai_responses.server_body import (
    FunctionChoice,
    ResponsesBody,
    SchemaTextFormat,
)
from agentkit.dialect.openai_responses.server_items import read_items, shown_items
from agentkit.dialect.received_request import (
    InvalidRequestError,
    ReceivedRequest,
    check_tools,
    drop_fields,
    require_neutral,
    validate_body,
)
from agentkit.json_schema import JsonValue

CARRIED_FIELDS = frozenset({
    "model", "input", "instructions", "previous_response_id", "store", "metadata", "tools",
    "tool_choice", "parallel_tool_calls", "stream", "stream_options", "max_output_tokens",
    "temperature", "top_p", "text",
})  # fmt: skip
"""Fields that a `ReceivedRequest` has a value for."""

HARMLESS_FIELDS = frozenset({
    "background_options", "image", "prompt_cache_key", "prompt_cache_options",
    "prompt_cache_retention", "safety_identifier", "service_tier", "user",
})  # fmt: skip
"""Fields that change neither the text nor the calls of an answer: labels, prices, caches."""

NEUTRAL_VALUES: Mapping[str, tuple[JsonValue, ...]] = {
    "access_programs": (),
    "background": (False,),
    "context_management": ([],),
    "conversation": (),
    # Clients that keep the conversation themselves ask for reasoning that they cannot read. Here
    # they get it as text.
    "include": ([], ["reasoning.encrypted_content"]),
    "max_tool_calls": (),
    "moderation": (),
    "prompt": (),
    "reasoning": ({},),
    "top_logprobs": (0,),
    "truncation": ("disabled",),
}
"""Fields that would change an answer, with the values that leave it as it is."""

_ECHOED = ("instructions", "max_output_tokens", "previous_response_id", "temperature", "top_p")
_TEXT: JsonValue = {"format": {"type": "text"}}


def read_responses_request(
    body: Mapping[str, JsonValue], *, ignore_fields: Collection[str] = ()
) -> ReceivedRequest:
    """Read a request.

    Args:
        body: the JSON object that arrived.
        ignore_fields: fields beyond the format that clients send and that may be dropped.

    Raises:
        InvalidRequestError: the request does not follow the format, or is not supported.
    """
    request = decode_responses_request(drop_fields(body, ignore_fields))
    check_responses_request(request)
    return request


def decode_responses_request(body: Mapping[str, JsonValue]) -> ReceivedRequest:
    """Return what the fields of `body` say, each by itself.

    Raises:
        InvalidRequestError: a field is missing, unknown, of another type or out of its range.
    """
    read: ResponsesBody = validate_body(ResponsesBody, body)
    given = body["input"]
    return ReceivedRequest(
        model=read.model,
        messages=read_items(read.input),
        tools=tuple(
            ToolSpec(
                name=offer.name,
                description=offer.description or "",
                input_schema=offer.parameters or {},
            )
            for offer in read.tools or ()
        ),
        tool_choice=_as_choice(read.tool_choice),
        settings=ModelSettings(
            temperature=read.temperature,
            top_p=read.top_p,
            max_tokens=read.max_output_tokens,
            parallel_tool_calls=read.parallel_tool_calls,
        ),
        stream=read.stream is True,
        include_usage=True,
        response_format=_as_schema(read),
        instructions=read.instructions,
        previous_response_id=read.previous_response_id,
        is_stored=read.store is not False,
        items=shown_items(given if isinstance(given, str | list) else "", prefix="item"),
        echoed_fields=_echoed(body),
        other_fields={
            name: value
            for name, value in body.items()
            if name not in CARRIED_FIELDS and value is not None
        },
    )


def check_responses_request(request: ReceivedRequest) -> None:
    """Check what the fields of a request mean together.

    Raises:
        InvalidRequestError: a tool's name is not valid or not unique, the choice names no tool,
            there is nothing to answer, or a field is not supported.
    """
    require_neutral(request.other_fields, NEUTRAL_VALUES)
    if not request.messages and request.previous_response_id is None:
        raise InvalidRequestError("at least one item is needed", path=("input",))
    check_tools(request, name_path=("name",))


def _as_choice(choice: str | FunctionChoice | None) -> ToolChoice:
    if isinstance(choice, FunctionChoice):
        return ToolChoice(mode="required", name=choice.name)
    return ToolChoice() if choice is None else ToolChoice.parse(choice)


def _as_schema(body: ResponsesBody) -> Mapping[str, JsonValue] | None:
    match None if body.text is None else body.text.format:
        case SchemaTextFormat(schema_=schema):
            return schema
        case ObjectFormat():
            return {"type": "object"}
        case _:
            return None


def _echoed(body: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return what the answer repeats of a request; fields without a value have their default."""
    parallel = body.get("parallel_tool_calls")
    return {
        **{name: body.get(name) for name in _ECHOED},
        "background": False,
        "metadata": body.get("metadata") or {},
        "parallel_tool_calls": True if parallel is None else parallel,
        "store": body.get("store") is not False,
        "text": body.get("text") or _TEXT,
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": body.get("tools") or [],
        "truncation": "disabled",
    }
