"""How La Plateforme spells requests, answers and errors.

In:  the JSON of a request; a `Completion`.
Out: a `ReadChat` or a `Reply` that refuses; a `Reply` with the answer, whole or as a stream.

What is answered is decided elsewhere: another host's spelling is another module beside this one.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from pydantic import ValidationError

from agentkit.chat import ToolChoice, ToolSpec
from agentkit.json_schema import JsonValue
from agentkit.testing.http_server import Reply
from agentkit.testing.sandbox.ask import Ask, Completion, Made, SpelledCall
from agentkit.testing.sandbox.body import (
    AssistantBody,
    ChatBody,
    ChosenTool,
    MessageBody,
    ToolBody,
    UserBody,
    text_of,
)
from agentkit.testing.sandbox.complete import split_pieces
from agentkit.testing.sandbox.rules import Fault, find_fault

_JSON = {"content-type": "application/json"}
_NOTE = "Answered by agentkit's sandbox, which matches words by plain rules: no language model."
_FINGERPRINT = "agentkit-sandbox-no-language-model"
_ODD_CUTS = (1, 2, 3, 5, 8, 13)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadChat:
    """A request that can be answered."""

    body: ChatBody
    ask: Ask

    @property
    def used_ids(self) -> frozenset[str]:
        """Return the ids of all calls in the conversation."""
        return frozenset(
            call.id
            for message in self.body.messages
            if isinstance(message, AssistantBody)
            for call in message.tool_calls or ()
        )

    @property
    def prompt(self) -> str:
        """Return all that was sent and that an answer depends on, as text."""
        sent = self.body.model_dump_json(include={"messages", "tools", "tool_choice"})
        return f"{self.body.model}\n{sent}"

    @property
    def stop(self) -> Sequence[str]:
        """Return the texts at which the answer ends."""
        stop = self.body.stop
        return [stop] if isinstance(stop, str) else stop or ()


def read_chat(text: bytes, *, models: Sequence[str], today: date) -> ReadChat | Reply:
    """Read a request, or say as the host does why it is refused."""
    try:
        body = ChatBody.model_validate_json(text)
    except ValidationError as error:
        return _refuse_fields(error)
    if body.model not in models:
        fault = Fault(message=f"Invalid model: {body.model}", type="invalid_model", code="1500")
        return spell_error(fault)
    fault_found = find_fault(body)
    if fault_found is not None:
        return spell_error(fault_found)
    return ReadChat(body=body, ask=_as_ask(body, today))


def spell_completion(
    completion: Completion, *, response_id: str, created: int, body: ChatBody
) -> Reply:
    """Spell an answer, whole or as server-sent events, as `body` asks."""
    head: dict[str, JsonValue] = {
        "id": response_id,
        "created": created,
        "model": body.model,
        "system_fingerprint": _FINGERPRINT,
        "sandbox": {"is_language_model": False},
    }
    note: dict[str, JsonValue] = {"sandbox": {"is_language_model": False, "note": _NOTE}}
    if body.stream:
        first, *others = _spell_chunks(completion, head)
        events = [*map(_as_event, [{**first, **note}, *others]), b"data: [DONE]\n\n"]
        headers = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
        return Reply(headers=headers, chunks=events, is_stream=True)
    calls: list[JsonValue] = [_spell_call(call) for call in completion.calls]
    message: JsonValue = {
        "role": "assistant",
        "content": completion.text,
        "tool_calls": calls or None,
    }
    choice: JsonValue = {
        "index": 0,
        "message": message,
        "finish_reason": completion.finish_reason,
    }
    usage = _spell_usage(completion)
    whole: dict[str, JsonValue] = {"object": "chat.completion", "choices": [choice], "usage": usage}
    return _reply({**head, **note, **whole})


def spell_models(models: Sequence[str], *, created: int) -> Reply:
    """Spell the list of models."""
    listed: list[JsonValue] = [
        {
            "id": name,
            "object": "model",
            "created": created,
            "owned_by": "agentkit-sandbox",
            "description": _NOTE,
            "max_context_length": 65536,
            "capabilities": {"completion_chat": True, "function_calling": True},
        }
        for name in models
    ]
    return _reply({"object": "list", "data": listed})


def spell_error(
    fault: Fault, *, status: int = 400, headers: Mapping[str, str] | None = None
) -> Reply:
    """Spell an error as the host does."""
    error: JsonValue = {
        "object": "error",
        "message": fault.message,
        "type": fault.type,
        "param": None,
        "code": fault.code,
    }
    return _reply(error, status=status, headers=headers)


def _as_ask(body: ChatBody, today: date) -> Ask:
    """Tell the planner what matters to it."""
    start = max((i for i, m in enumerate(body.messages) if isinstance(m, UserBody)), default=-1)
    asked = body.messages[start] if start >= 0 else None
    return Ask(
        question=text_of(asked.content) if isinstance(asked, UserBody) else "",
        tools=tuple(
            ToolSpec(
                name=offer.function.name,
                description=offer.function.description,
                input_schema=offer.function.parameters,
            )
            for offer in body.tools or ()
        ),
        choice=_as_choice(body.tool_choice),
        made=_find_made(body.messages[start + 1 :]),
        earlier=_find_made(body.messages[: start + 1]),
        is_parallel=body.parallel_tool_calls,
        today=today,
    )


def _as_choice(choice: str | ChosenTool) -> ToolChoice:
    if isinstance(choice, ChosenTool):
        return ToolChoice(mode="required", name=choice.function.name)
    return ToolChoice.parse("required" if choice == "any" else choice)


def _find_made(messages: Sequence[MessageBody]) -> tuple[Made, ...]:
    """Pair calls with their results, by id as far as ids go, else by place."""
    made: list[Made] = []
    for position, message in enumerate(messages):
        if not isinstance(message, AssistantBody):
            continue
        calls = message.tool_calls or []
        results = [m for m in messages[position + 1 :][: len(calls)] if isinstance(m, ToolBody)]
        by_id = {result.tool_call_id: result.content for result in results}
        for call in calls:
            arguments = _read_arguments(call.function.arguments)
            result = by_id.get(call.id)
            made.append(Made(name=call.function.name, arguments=arguments, result=result))
    return tuple(made)


def _read_arguments(arguments: str | dict[str, JsonValue]) -> Mapping[str, JsonValue]:
    if isinstance(arguments, dict):
        return arguments
    try:
        value = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return {}  # a broken call of an earlier answer: it only tells that a call was made
    return value if isinstance(value, dict) else {}


def _refuse_fields(error: ValidationError) -> Reply:
    """Refuse a body as pydantic behind the host does, without repeating what was sent."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    if found[0]["type"] == "json_invalid":
        return spell_error(Fault(message=f"The body is not JSON: {found[0]['msg']}."))
    detail: list[JsonValue] = [
        {"type": one["type"], "loc": ["body", *one["loc"]], "msg": one["msg"]} for one in found
    ]
    return _reply(
        {
            "object": "error",
            "message": {"detail": detail},
            "type": "invalid_request_error",
            "param": None,
            "code": "3001",
        },
        status=422,
    )


def _spell_chunks(
    completion: Completion, head: Mapping[str, JsonValue]
) -> Iterator[dict[str, JsonValue]]:
    """Yield the deltas of a stream: role, text or calls in pieces, the reason and the usage."""
    start = {**head, "object": "chat.completion.chunk"}
    yield _chunk(start, {"role": "assistant", "content": ""})
    pieces = split_pieces(completion.text)
    for first in range(0, len(pieces), 3):
        yield _chunk(start, {"content": "".join(pieces[first : first + 3])})
    for index, call in enumerate(completion.calls):
        opening = _spell_call(SpelledCall(id=call.id, name=call.name, arguments=""))
        yield _chunk(start, {"tool_calls": [{**opening, "index": index}]})
        for piece in _cut_oddly(call.arguments):
            delta: JsonValue = {"index": index, "function": {"arguments": piece}}
            yield _chunk(start, {"tool_calls": [delta]})
    last = _chunk(start, {"content": ""}, reason=completion.finish_reason)
    yield {**last, "usage": _spell_usage(completion)}


def _cut_oddly(text: str) -> Iterator[str]:
    """Cut `text` where a careless reader trips: inside names, numbers and escapes."""
    position = count = 0
    while position < len(text):
        size = _ODD_CUTS[count % len(_ODD_CUTS)]
        yield text[position : position + size]
        position += size
        count += 1


def _chunk(
    head: Mapping[str, JsonValue], delta: JsonValue, *, reason: str | None = None
) -> dict[str, JsonValue]:
    return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


def _spell_call(call: SpelledCall) -> dict[str, JsonValue]:
    function: JsonValue = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _spell_usage(completion: Completion) -> dict[str, JsonValue]:
    return {
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": completion.completion_tokens,
        "total_tokens": completion.prompt_tokens + completion.completion_tokens,
    }


def _as_event(value: JsonValue) -> bytes:
    return f"data: {_dump(value)}\n\n".encode()


def _reply(
    value: JsonValue, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Reply:
    body = _dump(value).encode()
    return Reply(status=status, headers={**_JSON, **(headers or {})}, chunks=(body,))


def _dump(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
