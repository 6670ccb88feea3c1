"""What a Mistral-family model rejects, whichever provider serves it.

In:  the conversation of a chat request whose fields have the right types.
Out: each `RuleViolation` in it.

The rules are those of mistral-common's validator for tokenizer v3 in serving mode, with its words.
Stricter here, as providers are: a user message right after a tool result, a forced choice without
a tool to choose, and an id or name that ends with a newline.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, TypeAlias

from jsonschema import Draft7Validator
from jsonschema.exceptions import best_match

from agentkit.value import dataclass

Body: TypeAlias = Mapping[str, Any]
"""A JSON object of a request; its fields were checked before."""

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_CALL_ID = re.compile(r"[a-zA-Z0-9]{9}")
_NEXT_ROLES = {
    "system": {"system", "user", "assistant"},
    "user": {"system", "user", "assistant"},
    "assistant": {"assistant", "user", "tool"},
    "tool": {"assistant", "tool"},
}
ID_CODE = "3280"
"""The code of every violation that concerns the id of a call."""

_ORDER = "invalid_request_message_order"
_CALL = "invalid_function_call"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleViolation:
    """Why a conversation is rejected, as the provider words it.

    Attributes:
        type: the provider's name for the kind of error.
        code: its number, if one is known.
    """

    message: str
    type: str = "invalid_request_error"
    code: str | None = None


def find_violations(body: Body) -> Iterator[RuleViolation]:
    """Yield everything that the model rejects in `messages`, `tools` and `tool_choice`."""
    messages = body["messages"]
    yield from _check_structure(messages)
    for position, message in enumerate(messages, start=1):
        match message["role"]:
            case "assistant":
                yield from _check_assistant(message, is_last=position == len(messages))
            case "tool":
                yield from _check_result(message)
            case _:
                pass  # no rule concerns these beyond their fields
    functions = [offer["function"] for offer in body.get("tools") or ()]
    for function in functions:
        yield from _check_function(function)
    yield from _check_choice(body.get("tool_choice"), {one["name"] for one in functions})


def check_id(call_id: str) -> RuleViolation | None:
    """Return what is wrong with the id of a call, or None."""
    if _CALL_ID.fullmatch(call_id):
        return None
    message = f"Tool call id was {call_id} but must be a-z, A-Z, 0-9, with a length of 9."
    return RuleViolation(message=message, type=_CALL, code=ID_CODE)


def _check_structure(messages: Sequence[Body]) -> Iterator[RuleViolation]:
    if messages:
        yield from _check_order(messages)
    else:
        message = "Conversation must have at least one message"
        yield RuleViolation(message=message, type=_ORDER, code="3230")


def _check_order(messages: Sequence[Body]) -> Iterator[RuleViolation]:
    if len(messages) == 1 and messages[0]["role"] not in {"user", "system"}:
        message = "Conversation must start with a user message or system message"
        yield RuleViolation(message=message, type=_ORDER, code="3230")
    last = messages[-1]
    if len(messages) > 1 and last["role"] == "assistant" and not last.get("prefix"):
        message = (
            "Expected last role User or Tool (or Assistant with prefix True) "
            "for serving but got assistant"
        )
        yield RuleViolation(message=message, type=_ORDER, code="3230")
    for before, after in pairwise(messages):
        if after["role"] not in _NEXT_ROLES[before["role"]]:
            message = f"Unexpected role '{after['role']}' after role '{before['role']}'"
            yield RuleViolation(message=message, type=_ORDER, code="3230")
    if _has_unbalanced_calls(messages):
        message = "Not the same number of function calls and responses"
        yield RuleViolation(message=message, type=_ORDER, code="3230")


def _has_unbalanced_calls(messages: Sequence[Body]) -> bool:
    """Compare numbers only, as v3 does; it skips the first message."""
    expected = 0
    for message in messages[1:]:
        if message["role"] == "tool":
            expected -= 1
        elif message["role"] == "assistant":
            if expected:
                return True
            expected = len(message.get("tool_calls") or ())
    return expected != 0


def _check_assistant(message: Body, *, is_last: bool) -> Iterator[RuleViolation]:
    if bool(message.get("content")) == bool(message.get("tool_calls")):
        yield RuleViolation(
            message="Assistant message must have either content or tool_calls, but not both.",
            type="invalid_request_assistant_message",
            code="3240",
        )
    for call in message.get("tool_calls") or ():
        yield from _check_call(call)
    if message.get("prefix") and not is_last:
        yield RuleViolation(message="Assistant message with prefix True must be last message")


def _check_call(call: Body) -> Iterator[RuleViolation]:
    call_id = call.get("id", "null")
    if call_id == "null":
        message = "Tool call id has to be defined in serving mode."
        yield RuleViolation(message=message, type=_CALL, code=ID_CODE)
    elif (violation := check_id(call_id)) is not None:
        yield violation
    name = call["function"]["name"]
    if not _NAME.fullmatch(name):
        yield _wrong_name(name, type_=_CALL)


def _check_result(message: Body) -> Iterator[RuleViolation]:
    name, call_id = message.get("name"), message.get("tool_call_id")
    if name is not None and not _NAME.fullmatch(name):
        yield _wrong_name(name, type_="invalid_request_tool_message")
    if call_id is None:
        reason = "Tool call id has to be defined."
        yield RuleViolation(message=reason, type=_CALL, code=ID_CODE)
    elif (violation := check_id(call_id)) is not None:
        yield violation


def _check_function(function: Body) -> Iterator[RuleViolation]:
    problem = _find_schema_problem(json.dumps(function["parameters"]))
    if problem is not None:
        yield RuleViolation(message=f"Invalid tool schema: {problem}", type="invalid_tool_schema")
    if not _NAME.fullmatch(function["name"]):
        yield _wrong_name(function["name"], type_="invalid_tool")


def _check_choice(choice: Any, names: set[str]) -> Iterator[RuleViolation]:
    match choice:
        case {"function": {"name": name}} if name not in names:
            message = f"tool_choice names {name!r}, which is not among the tools."
            yield RuleViolation(message=message)
        case "any" | "required" if not names:
            yield RuleViolation(message=f"tool_choice is {choice!r} but no tools are given.")
        case _:
            pass  # every other choice can be respected


def _wrong_name(name: str, *, type_: str) -> RuleViolation:
    message = (
        f"Function name was {name} but must be a-z, A-Z, 0-9, "
        "or contain underscores and dashes, with a maximum length of 64."
    )
    return RuleViolation(message=message, type=type_)


@lru_cache(maxsize=1024)
def _find_schema_problem(schema: str) -> str | None:
    """Return what is wrong with a JSON Schema of draft 7, which is text so that it can be kept."""
    found = best_match(_META.iter_errors(json.loads(schema)))
    return None if found is None else str(found.message)


_META = Draft7Validator(Draft7Validator.META_SCHEMA)
