"""A request that a client sent to a server of ours, as values.

In:  the JSON body of a request in the format of some API.
Out: `ReceivedRequest`, or `InvalidRequestError`, which names the parameter that is wrong.

The server side of each format (`openai_chat.server_request`, `openai_responses.server_request`,
`anthropic_messages.server_request`) reads in two steps: `decode` checks the type of each field,
`check` what fields mean together.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import field
from typing import Any, TypeAlias

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from agentkit.chat import ModelSettings, ToolChoice, ToolSpec
from agentkit.content import ImageContent
from agentkit.errors import AgentKitError
from agentkit.json_schema import JsonValue
from agentkit.message import Message
from agentkit.value import dataclass

Path: TypeAlias = tuple[str | int, ...]
"""The location of a parameter in a body: names of fields, positions in lists."""

MAX_VALUES = 100_000
"""Values in a body: to check each, and to report what is wrong with it, takes microseconds."""

_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_DATA_URL = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+);base64,(?P<data>.*)", re.DOTALL)


class InvalidRequestError(AgentKitError):
    """A request does not follow its format, or asks for what is not supported.

    Attributes:
        reason: what is wrong, without the name of the parameter.
        path: the location of the parameter; empty if the body itself is wrong.
        code: the kind of error, e.g. `missing_required_parameter`, `unsupported_value`.
        details: all errors of the body's fields; empty if something else is wrong.
    """

    def __init__(
        self,
        reason: str,
        *,
        path: Path = (),
        code: str = "invalid_value",
        details: Sequence[Mapping[str, JsonValue]] = (),
    ) -> None:
        self.reason = reason
        self.path = path
        self.code = code
        self.details: tuple[Mapping[str, JsonValue], ...] = tuple(details)
        super().__init__(f"{self.param}: {reason}" if path else reason)

    @property
    def param(self) -> str | None:
        """Return the parameter as OpenAI writes it, e.g. `messages[0].content`."""
        if not self.path:
            return None
        first, *rest = self.path
        return str(first) + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in rest)

    @property
    def dotted_param(self) -> str | None:
        """Return the parameter as Anthropic writes it, e.g. `messages.0.content`."""
        return ".".join(map(str, self.path)) or None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedRequest:
    """A request for one model exchange, whatever its format.

    Attributes:
        model: the id that the client names.
        messages: the conversation, oldest first; system messages are part of it.
        stream: the answer is wanted as server-sent events.
        include_usage: a streamed answer is to end with its usage.
        response_format: JSON Schema that the text of the answer has to fit.
        instructions: hold for this request only, and are not part of the conversation.
        previous_response_id: the stored response whose conversation `messages` go on with.
        is_stored: the answer is to be kept, so that another request can go on with it.
        items: `messages` as the format writes them, if a stored response returns them.
        echoed_fields: fields that the answer repeats, in the form of the answer.
        other_fields: fields of the format that no value here stands for.
    """

    model: str
    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: ToolChoice = field(default_factory=ToolChoice)
    settings: ModelSettings = field(default_factory=ModelSettings)
    stream: bool = False
    include_usage: bool = False
    response_format: Mapping[str, JsonValue] | None = None
    instructions: str | None = None
    previous_response_id: str | None = None
    is_stored: bool = False
    items: Sequence[JsonValue] = ()
    echoed_fields: Mapping[str, JsonValue] = field(default_factory=dict)
    other_fields: Mapping[str, JsonValue] = field(default_factory=dict)


def load_body(body: bytes) -> dict[str, JsonValue]:
    """Return the JSON object of a request.

    Raises:
        InvalidRequestError: it is not JSON, not an object, holds half a surrogate pair, or too many
            values.
    """
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise InvalidRequestError(f"The body is not JSON: {error}.", code="invalid_json") from error
    if not isinstance(value, dict):
        raise InvalidRequestError("The body is not a JSON object.", code="invalid_json")
    if len(body) > 2 * MAX_VALUES and not _has_few_values(value):
        reason = f"The body has more than {MAX_VALUES} values."
        raise InvalidRequestError(reason, code="invalid_json")
    return value


def _has_few_values(value: Any) -> bool:
    """Return whether a JSON value holds no more than `MAX_VALUES` others."""
    waiting, count = [value], 0
    while waiting:
        one = waiting.pop()
        parts = one.values() if isinstance(one, dict) else one
        count += len(parts)
        if count > MAX_VALUES:
            return False
        waiting.extend(part for part in parts if isinstance(part, dict | list))
    return True


def drop_fields(body: Mapping[str, JsonValue], names: Collection[str]) -> dict[str, JsonValue]:
    """Return `body` without the fields in `names` and without those that are null."""
    return {name: value for name, value in body.items() if name not in names and value is not None}


def require_neutral(
    fields: Mapping[str, JsonValue], neutral: Mapping[str, Sequence[JsonValue]]
) -> None:
    """Refuse a field whose value asks for something that is not supported.

    Args:
        fields: fields of the format that no value of ours stands for.
        neutral: for each field that changes the answer, the values that change nothing.

    Raises:
        InvalidRequestError: a field has another value.
    """
    for name, value in fields.items():
        allowed = neutral.get(name)
        if allowed is not None and not any(_is_same(value, one) for one in allowed):
            listed = " or ".join(json.dumps(one) for one in allowed)
            reason = f"only {listed} is supported" if listed else "it is not supported"
            raise InvalidRequestError(reason, path=(name,), code="unsupported_value")


def check_tools(request: ReceivedRequest, *, name_path: Path) -> None:
    """Check the names of the tools, and that the choice names one of them, as OpenAI does.

    Args:
        request: the request of a client.
        name_path: the location of the name within one of the `tools`.

    Raises:
        InvalidRequestError: a name is not valid or not unique, or the choice names no tool.
    """
    names: set[str] = set()
    for place, tool in enumerate(request.tools):
        path: Path = ("tools", place, *name_path)
        if not _TOOL_NAME.fullmatch(tool.name):
            reason = f"{tool.name!r} is not of the form [a-zA-Z0-9_-]{{1,64}}"
            raise InvalidRequestError(reason, path=path)
        if tool.name in names:
            raise InvalidRequestError(f"{tool.name!r} names two tools", path=path)
        names.add(tool.name)
    choice = request.tool_choice
    if choice.is_forced and not names:
        reason = "it demands a call, and no tools are given"
        raise InvalidRequestError(reason, path=("tool_choice",))
    if choice.name is not None and choice.name not in names:
        raise InvalidRequestError(f"{choice.name!r} is not in 'tools'", path=("tool_choice",))


def as_image(url: str, path: Path) -> ImageContent:
    """Return the image in a `data:` URL.

    Raises:
        InvalidRequestError: it is another URL. A server that fetches URLs for its clients can be
            made to fetch from its own network.
    """
    found = _DATA_URL.fullmatch(url)
    if found is None:
        reason = "only data: URLs in base64 are supported; nothing is fetched"
        raise InvalidRequestError(reason, path=path, code="unsupported_value")
    return ImageContent(data=found["data"], mime_type=found["type"])


def as_invalid_request(error: ValidationError, body: JsonValue) -> InvalidRequestError:
    """Return pydantic's error as one that names the parameter; no value of the body is repeated.

    Args:
        error: what was found.
        body: what was validated; it separates the path from pydantic's names of alternatives.
    """
    found = error.errors(include_url=False, include_input=False, include_context=False)
    details: list[Mapping[str, JsonValue]] = [
        {"type": one["type"], "loc": list(one["loc"]), "msg": one["msg"]} for one in found
    ]
    # Of several alternatives, the one that was followed furthest is the one that was meant.
    paths = [_path_in(body, one["loc"], is_missing=one["type"] == "missing") for one in found]
    path, first = max(zip(paths, found, strict=True), key=lambda pair: len(pair[0]))
    return InvalidRequestError(
        first["msg"], path=path, code=_code_of(first["type"]), details=details
    )


def validate_body(model: type[BaseModel], body: Mapping[str, JsonValue]) -> Any:
    """Return `body` as a value of `model`; nothing is converted from one type to another.

    Raises:
        InvalidRequestError: a field is missing, unknown or of another type.
    """
    try:
        return model.model_validate(body, strict=True)
    except ValidationError as error:
        raise as_invalid_request(error, dict(body)) from error


def _path_in(body: JsonValue, loc: Sequence[str | int], *, is_missing: bool) -> Path:
    """Return `loc` without the names that pydantic gives to the alternatives of a union."""
    path: list[str | int] = []
    here: Any = body
    for part in loc[:-1] if is_missing else loc:
        is_position = isinstance(part, int) and isinstance(here, list) and part < len(here)
        is_name = isinstance(part, str) and isinstance(here, dict) and part in here
        if is_position or is_name:
            here = here[part]
            path.append(part)
    return (*path, loc[-1]) if is_missing else tuple(path)


def _code_of(kind: str) -> str:
    """Return OpenAI's error code for a kind of pydantic error."""
    match kind:
        case "missing":
            return "missing_required_parameter"
        case "extra_forbidden":
            return "unknown_parameter"
        case "too_short":
            return "empty_array"
        case _:
            return "invalid_type" if kind.endswith("_type") else "invalid_value"


def _is_same(value: JsonValue, other: JsonValue) -> bool:
    """Compare as JSON does: in Python `1 == True`."""
    return isinstance(value, bool) == isinstance(other, bool) and value == other
