"""What a Mistral-family model refuses, whichever provider serves it.

In:  a `ChatBody` whose fields are right by themselves.
Out: the first `Fault` in it, or None.

The rules are those of mistral-common's validator for tokenizer v3 in serving mode, and its words.
Stricter here, as providers are: a user message right after a tool result, a forced choice without a
tool to choose, and an id or name that ends with a newline.
"""

import json
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

from jsonschema import Draft7Validator
from jsonschema.exceptions import best_match

from agentkit.sandbox.wire.chat_body import (
    AssistantBody,
    CallBody,
    ChatBody,
    ChosenTool,
    MessageBody,
    OfferBody,
    ToolBody,
)
from agentkit.value import dataclass

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_CALL_ID = re.compile(r"[a-zA-Z0-9]{9}")
_NEXT_ROLES = {
    "system": {"system", "user", "assistant"},
    "user": {"system", "user", "assistant"},
    "assistant": {"assistant", "user", "tool"},
    "tool": {"assistant", "tool"},
}
ID_CODE = "3280"
"""The code of every fault with the id of a call."""

_ORDER = "invalid_request_message_order"
_CALL = "invalid_function_call"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a request is refused, in the provider's words.

    Attributes:
        type: the provider's word for the kind of error.
        code: its number, if one is known.
    """

    message: str
    type: str = "invalid_request_error"
    code: str | None = None


def find_fault(body: ChatBody) -> Fault | None:
    """Return the first thing in `body` that the model refuses, or None."""
    return next(find_faults(body), None)


def find_faults(body: ChatBody) -> Iterator[Fault]:
    """Yield all that the model refuses in `body`."""
    yield from _find_structure_faults(body.messages)
    for position, message in enumerate(body.messages, start=1):
        match message:
            case AssistantBody():
                yield from _find_assistant_faults(message, is_last=position == len(body.messages))
            case ToolBody():
                yield from _find_result_faults(message)
            case _:
                pass  # nothing is asked of these beyond their fields
    offers = body.tools or []
    for offer in offers:
        yield from _find_offer_faults(offer)
    yield from _find_choice_faults(body, {offer.function.name for offer in offers})


def wrong_id(call_id: str) -> Fault | None:
    """Return what is wrong with the id of a call, or None."""
    if _CALL_ID.fullmatch(call_id):
        return None
    message = f"Tool call id was {call_id} but must be a-z, A-Z, 0-9, with a length of 9."
    return Fault(message=message, type=_CALL, code=ID_CODE)


def _find_structure_faults(messages: Sequence[MessageBody]) -> Iterator[Fault]:
    if messages:
        yield from _find_order_faults(messages)
    else:
        yield Fault(message="Conversation must have at least one message", type=_ORDER, code="3230")


def _find_order_faults(messages: Sequence[MessageBody]) -> Iterator[Fault]:
    if len(messages) == 1 and messages[0].role not in {"user", "system"}:
        message = "Conversation must start with a user message or system message"
        yield Fault(message=message, type=_ORDER, code="3230")
    last = messages[-1]
    if len(messages) > 1 and isinstance(last, AssistantBody) and not last.prefix:
        message = (
            "Expected last role User or Tool (or Assistant with prefix True) "
            "for serving but got assistant"
        )
        yield Fault(message=message, type=_ORDER, code="3230")
    for before, after in pairwise(messages):
        if after.role not in _NEXT_ROLES[before.role]:
            message = f"Unexpected role '{after.role}' after role '{before.role}'"
            yield Fault(message=message, type=_ORDER, code="3230")
    if _has_unbalanced_calls(messages):
        message = "Not the same number of function calls and responses"
        yield Fault(message=message, type=_ORDER, code="3230")


def _has_unbalanced_calls(messages: Sequence[MessageBody]) -> bool:
    """Compare numbers only, as v3 does; it passes over the first message."""
    expected = 0
    for message in messages[1:]:
        if isinstance(message, ToolBody):
            expected -= 1
        elif isinstance(message, AssistantBody):
            if expected:
                return True
            expected = len(message.tool_calls or ())
    return expected != 0


def _find_assistant_faults(message: AssistantBody, *, is_last: bool) -> Iterator[Fault]:
    if bool(message.content) == bool(message.tool_calls):
        yield Fault(
            message="Assistant message must have either content or tool_calls, but not both.",
            type="invalid_request_assistant_message",
            code="3240",
        )
    for call in message.tool_calls or ():
        yield from _find_call_faults(call)
    if message.prefix and not is_last:
        yield Fault(message="Assistant message with prefix True must be last message")


def _find_call_faults(call: CallBody) -> Iterator[Fault]:
    if call.id == "null":
        message = "Tool call id has to be defined in serving mode."
        yield Fault(message=message, type=_CALL, code=ID_CODE)
    elif (fault := wrong_id(call.id)) is not None:
        yield fault
    if not _NAME.fullmatch(call.function.name):
        yield _wrong_name(call.function.name, type_=_CALL)


def _find_result_faults(message: ToolBody) -> Iterator[Fault]:
    if message.name is not None and not _NAME.fullmatch(message.name):
        yield _wrong_name(message.name, type_="invalid_request_tool_message")
    if message.tool_call_id is None:
        yield Fault(message="Tool call id has to be defined.", type=_CALL, code=ID_CODE)
    elif (fault := wrong_id(message.tool_call_id)) is not None:
        yield fault


def _find_offer_faults(offer: OfferBody) -> Iterator[Fault]:
    problem = _find_schema_problem(json.dumps(offer.function.parameters))
    if problem is not None:
        yield Fault(message=f"Invalid tool schema: {problem}", type="invalid_tool_schema")
    if not _NAME.fullmatch(offer.function.name):
        yield _wrong_name(offer.function.name, type_="invalid_tool")


def _find_choice_faults(body: ChatBody, names: set[str]) -> Iterator[Fault]:
    match body.tool_choice:
        case ChosenTool(function=function) if function.name not in names:
            message = f"tool_choice names {function.name!r}, which is not among the tools."
            yield Fault(message=message)
        case "any" | "required" as choice if not names:
            yield Fault(message=f"tool_choice is {choice!r} but no tools are given.")
        case _:
            pass  # every other choice can be kept


def _wrong_name(name: str, *, type_: str) -> Fault:
    message = (
        f"Function name was {name} but must be a-z, A-Z, 0-9, "
        "or contain underscores and dashes, with a maximum length of 64."
    )
    return Fault(message=message, type=type_)


@lru_cache(maxsize=1024)
def _find_schema_problem(schema: str) -> str | None:
    """Say what is wrong with a JSON Schema of draft 7, given as text so that it can be kept."""
    found = best_match(_META.iter_errors(json.loads(schema)))
    return None if found is None else str(found.message)


_META = Draft7Validator(Draft7Validator.META_SCHEMA)
