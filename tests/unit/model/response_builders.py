"""What the tests of the response builder share: tools, a request, pieces of calls."""

from agentkit.chat import ModelRequest, ToolSpec
from agentkit.dialect.base import (
    CallDelta,
    Delta,
    DoneDelta,
    FinishDelta,
)
from agentkit.history import History
from agentkit.json_schema import JsonObject
from agentkit.message import UserMessage
from agentkit.model.response_builder import ResponseBuilder

CITY: JsonObject = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER = ToolSpec(name="get_weather", description="", input_schema=CITY)
ANYTHING: JsonObject = {"type": "object"}
OFFERED = (
    WEATHER,
    *(
        ToolSpec(name=name, description="", input_schema=ANYTHING)
        for name in ("edit_existing_file", "get_a", "get_b", "fs.read")
    ),
)
HI = History((UserMessage("hi"),))
REQUEST = ModelRequest(history=HI, tools=OFFERED, stream=True)
STOP = FinishDelta(reason="stop")
PARIS = '{"city": "Paris"}'
TEXT_CALL = f'[TOOL_CALLS] [{{"name": "get_weather", "arguments": {PARIS}}}]'


def built(*deltas: Delta, request: ModelRequest = REQUEST) -> ResponseBuilder:
    """Return a builder that has read these deltas and the end mark."""
    builder = ResponseBuilder(request, tool_names={"fs_read_x": "fs.read"}, provider="h")
    builder.feed([*deltas, DoneDelta()])
    return builder


def calls(*deltas: Delta, request: ModelRequest = REQUEST) -> list[tuple[str, str]]:
    """Return name and arguments of the calls in an answer of these deltas."""
    response = built(*deltas, request=request).finish()
    return [(call.name, call.arguments) for call in response.message.tool_calls]


def kinds(*deltas: Delta, request: ModelRequest = REQUEST) -> list[str]:
    """Return what was repaired in an answer of these deltas."""
    return [m.kind for m in built(*deltas, request=request).finish().repairs]


def piece(
    index: int | None = None,
    name: str | None = None,
    arguments: str | None = None,
    *,
    id: str | None = None,  # noqa: A002  # the field's name
) -> CallDelta:
    """Return one piece of a call in a stream."""
    return CallDelta(index=index, id=id, name=name, arguments=arguments)
