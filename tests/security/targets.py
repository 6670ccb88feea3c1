"""What is fuzzed: each kind of input from outside, and what must hold for any.

In:  a `Random` that chooses an input.
Out: nothing; an exception if the input breaks a promise.

The promises: only agentkit's own errors are raised, what was read can be encoded, and the work is
bounded.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from random import Random
from typing import Any, Protocol

import mcp_types as types

from agentkit.chat import ModelRequest, ModelSettings, ToolSpec
from agentkit.dialect.anthropic_messages.response import AnthropicDecoder
from agentkit.dialect.base import Delta
from agentkit.dialect.completions import CompletionsDecoder
from agentkit.dialect.openai_chat.response import OpenAIChatDecoder
from agentkit.errors import ProviderError, ToolDefinitionError, ToolError
from agentkit.history import History
from agentkit.json_schema import JsonSchema, JsonSchemaError
from agentkit.json_schema.pattern import has_match
from agentkit.mcp.client.repair.messages import WaitingRequests, parse_messages
from agentkit.mcp.client.repair.schemas import drop_invalid_keywords, normalize_input_schema
from agentkit.mcp.client.repair.streams import repair_message
from agentkit.mcp.convert import result_from_mcp
from agentkit.message import AssistantMessage, ToolResult, UserMessage
from agentkit.model.response_builder import ResponseBuilder
from agentkit.surrogates import replace_surrogates
from agentkit.tools.tool import Tool, tool
from agentkit.tools.validate import validate_call
from agentkit.wire import WireHead
from tests.corpus.cases import ALL
from tests.security.mutation import VALUES, damaged, replaced


@dataclass(frozen=True, kw_only=True)
class Target:
    """One kind of input.

    Attributes:
        make: returns an input.
        check: raises if a promise is broken.
    """

    make: Callable[[Random], Any]
    check: Callable[[Any], None]


class _Decoder(Protocol):
    def feed(self, data: bytes) -> Any:
        """Return the deltas of a piece."""

    def close(self) -> Any:
        """Return the deltas of the end."""


@tool
def get_weather(city: str, days: int = 1, unit: str | None = None) -> str:
    """Return the weather of a city."""
    return f"{city} {days} {unit}"


@tool
def list_alerts() -> str:
    """Return all alerts."""
    return ""


TOOLS: Mapping[str, Tool[..., Any]] = {one.name: one for one in (get_weather, list_alerts)}
REQUEST = ModelRequest(
    history=History((UserMessage("hi"),)),
    tools=tuple(
        ToolSpec(name=one.name, description="", input_schema=one.input_schema)
        for one in TOOLS.values()
    ),
    settings=ModelSettings(max_tokens=500),
    stream=True,
)
DECODERS: tuple[Callable[[WireHead], _Decoder], ...] = (
    OpenAIChatDecoder,
    AnthropicDecoder,
    CompletionsDecoder,
)


def _anthropic() -> list[bytes]:
    """Return valid answers in Anthropic's format, streamed and not."""
    blocks: list[dict[str, Any]] = [
        {"type": "thinking", "thinking": "So.", "signature": "s"},
        {"type": "text", "text": "Hello"},
        {"type": "tool_use", "id": "t1", "name": "get_weather", "input": {"city": "Oslo"}},
    ]
    usage = {"input_tokens": 3, "output_tokens": 4}
    base = {"id": "m", "type": "message", "role": "assistant", "model": "m", "usage": usage}
    complete = {**base, "content": blocks, "stop_reason": "tool_use"}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": {**base, "content": []}}]
    for at, (block, delta) in enumerate(
        zip(
            blocks,
            (
                {"type": "thinking_delta", "thinking": "So."},
                {"type": "text_delta", "text": "Hello"},
                {"type": "input_json_delta", "partial_json": '{"city": "Oslo"}'},
            ),
            strict=True,
        )
    ):
        events += [
            {"type": "content_block_start", "index": at, "content_block": block},
            {"type": "content_block_delta", "index": at, "delta": delta},
            {"type": "content_block_stop", "index": at},
        ]
    events += [
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": usage},
        {"type": "message_stop"},
    ]
    lines = [f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events]
    return [json.dumps(complete).encode(), "".join(lines).encode()]


@cache
def _answers() -> tuple[tuple[bytes, bool], ...]:
    """Return the answers of the corpus and two of Anthropic's; and whether each is a stream."""
    found: list[tuple[bytes, bool]] = []
    for case in ALL:
        if "body" in case:
            found.append((json.dumps(case["body"]).encode(), False))
        elif "chunks" in case and all(isinstance(one, str) for one in case["chunks"]):
            found.append(("".join(case["chunks"]).encode("utf-8", "surrogatepass"), True))
    complete, stream = _anthropic()
    return (*found, *[(complete, False), (stream, True)] * 40)


def make_answer(random: Random) -> tuple[int, str, bytes, int]:
    """Return a decoder's number, a content type, a damaged body and a seed for its cuts."""
    is_stream = random.random() < 0.7
    seeds = [body for body, streamed in _answers() if streamed == is_stream]
    is_named = (random.random() < 0.95) == is_stream
    kind = "text/event-stream" if is_named else "application/json"
    return random.randrange(len(DECODERS)), kind, damaged(random, seeds), random.getrandbits(32)


def check_answer(given: tuple[int, str, bytes, int]) -> None:
    """Read an answer as an agent does, and validate its calls."""
    number, kind, body, seed = given
    random = Random(seed)  # noqa: S311  # a test's own choice
    edges = sorted(random.randint(0, len(body)) for _ in range(random.randrange(6)))
    decoder = DECODERS[number](WireHead(status=200, headers={"content-type": kind}))
    builder = ResponseBuilder(REQUEST)
    try:
        for start, end in pairwise([0, *edges, len(body)]):
            builder.feed(_deltas(decoder.feed(body[start:end])))
        builder.feed(_deltas(decoder.close()))
        builder.close()
        response = builder.finish()
    except ProviderError as error:
        str(error).encode()
        return
    message = replace_surrogates(response.message)
    history = REQUEST.history + [message]
    assert len({call.id for call in message.tool_calls}) == len(message.tool_calls)
    for call in message.tool_calls:
        checked = validate_call(call, TOOLS)
        if isinstance(checked, ToolResult):
            assert checked.is_error
    assert History.from_json(history.to_json()) == history
    assert isinstance(message, AssistantMessage)


def _deltas(found: Any) -> list[Delta]:
    return list(found)


_BLOCKS: list[dict[str, Any]] = [
    {"type": "text", "text": "hi", "annotations": {"audience": ["user"], "priority": 1}},
    {"type": "image", "data": "AAAA", "mimeType": "image/png"},
    {"type": "audio", "data": "AAAA", "mimeType": "audio/wav"},
    {"type": "resource_link", "uri": "file:///a", "name": "a"},
    {"type": "resource", "resource": {"uri": "file:///a", "mimeType": "text/plain", "text": "x"}},
]
_SCHEMA: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {
        "a": {"type": "string", "pattern": "^[a-z]{1,8}$", "format": "date"},
        "b": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]},
        "c": {"type": "array", "items": [{"$ref": "#/definitions/d"}], "uniqueItems": True},
        "e": {"allOf": [{"$ref": "#/definitions/d"}], "unevaluatedProperties": False},
    },
    "patternProperties": {"^x-": {"type": "number", "multipleOf": 0.1}},
    "required": ["a"],
    "definitions": {"d": {"type": "object", "properties": {"n": {"$ref": "#/definitions/d"}}}},
    "additionalProperties": False,
    "dependencies": {"a": ["b"]},
}
_RESULTS: Mapping[str, dict[str, Any]] = {
    "tools/list": {
        "tools": [
            {
                "name": "a",
                "description": "d",
                "inputSchema": _SCHEMA,
                "outputSchema": {"type": "object"},
                "icons": [{"src": "https://example.com/i.png"}],
                "annotations": {"readOnlyHint": True, "title": "A"},
            },
            {"name": "検索", "inputSchema": {"type": "object"}},
        ],
        "nextCursor": "n",
    },
    "tools/call": {"content": _BLOCKS, "structuredContent": {"a": 1}, "isError": False},
    "initialize": {
        "protocolVersion": "2025-11-25",
        "capabilities": {"tools": {"listChanged": True}},
        "serverInfo": {"name": "s", "version": "1"},
    },
    "resources/list": {"resources": [{"uri": "file:///a", "name": "a"}]},
    "prompts/get": {"messages": [{"role": "user", "content": _BLOCKS[0]}]},
}


def make_mcp(random: Random) -> tuple[str, bytes]:
    """Return a method and a damaged answer to it."""
    method = random.choice(list(_RESULTS))
    answer = {"jsonrpc": "2.0", "id": 1, "result": _RESULTS[method]}
    error = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32603, "message": "no"}}
    note = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": "x"}}
    seeds = [json.dumps(one).encode() for one in (answer, answer, answer, error, note, [answer])]
    return method, damaged(random, seeds)


def check_mcp(given: tuple[str, bytes]) -> None:
    """Read a message as a connection does; use what it holds."""
    method, data = given
    reports: list[str] = []
    waiting = WaitingRequests(reports.append)
    waiting.add(types.JSONRPCRequest(jsonrpc="2.0", id=1, method=method, params={}))
    for message in parse_messages(data, waiting):
        fixed = repair_message(message, waiting)
        if not isinstance(fixed, types.JSONRPCResponse):
            continue
        json.dumps(fixed.result).encode("utf-8", "surrogatepass")
        if method == "tools/call":
            _check_result(fixed.result)
        elif method == "tools/list":
            _check_tools(fixed.result)
    "\n".join(reports).encode("utf-8", "surrogatepass")


def _check_result(result: dict[str, Any]) -> None:
    try:
        read = types.CallToolResult.model_validate(result)
    except ValueError:  # pydantic's; the SDK ends the call with it
        return
    try:
        found = replace_surrogates(result_from_mcp(read))
    except ToolError:
        return
    found.text.encode()


def _check_tools(result: dict[str, Any]) -> None:
    tools = result.get("tools")
    for one in tools if isinstance(tools, list) else ():
        if isinstance(one, dict):
            check_schema((one.get("inputSchema"), {"a": "b"}))


def _never(*_: object) -> str:
    raise AssertionError("no call is made here")


def make_schema(random: Random) -> tuple[Any, Any]:
    """Return a damaged schema, sometimes wrapped in many layers, and a value."""
    schema: Any = _SCHEMA
    for _ in range(random.randint(1, 6)):
        schema = replaced(random, schema)
    if random.random() < 0.3:
        word = random.choice(("allOf", "anyOf", "oneOf", "not", "if", "items", "$ref"))
        for _ in range(random.choice((1, 5, 20, 60, 150))):
            inner = [schema, random.choice(VALUES)] if word.endswith("Of") else schema
            schema = {word: inner, "unevaluatedProperties": False}
    value: Any = {"a": "2020-01-01", "b": 1, "c": [{"n": {}}], "e": {"n": {"n": {}}}, "x-1": 0.3}
    for _ in range(random.randint(0, 4)):
        value = replaced(random, value)
    return schema, value


def check_schema(given: tuple[Any, Any]) -> None:
    """Offer a tool with the schema of a foreign server, and check a value against it."""
    schema, value = given
    normal, _ = drop_invalid_keywords(normalize_input_schema(schema))
    try:
        offered = Tool.from_schema(name="a", description="", input_schema=normal, handler=_never)
        violations = offered.arguments_check.violations(value)
    except (ToolDefinitionError, JsonSchemaError) as error:
        str(error).encode("utf-8", "surrogatepass")
        return
    assert all(str(one) for one in violations)
    json.dumps(offered.input_schema)
    JsonSchema(offered.input_schema)


_PARTS = (
    *("a", "b", ".", "\\w", "\\d", "\\s", "\\p{L}", "[a-z]", "[^a]", "\\b", "^", "$", "|", "\\1"),
    *("(?=a)", "(?!a)", "(?<=a)", "(?:", "(", "(?P<n>", ")", "*", "+", "?", "*?", "++"),
    *("{2}", "{1,9}", "{0,999}", "{999999999}", "{,3}", "[", "]", "\\", "\\x41", "\\u{41}", "(?i)"),
    *("é", "𝄞", "\x00", "\ud83d", "#", "(?x)", "[[:alpha:]]", "[a&&b]", "\\Z", "\\z"),
)


def make_pattern(random: Random) -> tuple[str, str]:
    """Return a pattern and a text that comes close to it."""
    parts = [random.choice(_PARTS) for _ in range(random.randint(1, 14))]
    pattern = "".join(parts)
    if random.random() < 0.3:
        times = random.choice((2, 20, 300))
        pattern = f"({pattern})*" * times if random.random() < 0.5 else "(" * times + pattern
    text = "".join(random.choice("ab1 _é\x00") for _ in range(20)) * random.choice((1, 50, 5_000))
    return pattern, text


def check_pattern(given: tuple[str, str]) -> None:
    """Match a pattern, alone and in the schema of a tool."""
    pattern, text = given
    assert has_match(pattern, text) in (True, False, None)
    schema = {"type": "object", "properties": {"a": {"type": "string", "pattern": pattern}}}
    check_schema((schema, {"a": text}))


TARGETS: Mapping[str, Target] = {
    "provider answers": Target(make=make_answer, check=check_answer),
    "MCP messages": Target(make=make_mcp, check=check_mcp),
    "schemas": Target(make=make_schema, check=check_schema),
    "patterns": Target(make=make_pattern, check=check_pattern),
}
