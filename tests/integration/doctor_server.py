"""A provider on loopback that supports a chosen part of the OpenAI API."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from agentkit.sandbox.http_server import HttpRequest, RawReply, Reply, serve

ALL = frozenset({"auto", "required", "any", "none", "named"})
KNOWN = {"model", "messages", "tools", "tool_choice", "stream", "temperature", "seed", "stop"}


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What the provider supports; by default everything.

    Attributes:
        takes: `tool_choice` values that are not rejected.
        respects: `tool_choice` values that have an effect; others are accepted and ignored.
        most_calls: how many calls one answer may hold.
        id_length: of the ids it makes.
        only_nine: it refuses other ids than those of nine letters and digits.
        usage: how usage in a stream is asked for.
        listing: the body of its models endpoint.
        lists_nothing: that endpoint ends the connection.
        fails_first: every other request fails.
        drops_tools: its usage shows that a prompt does not hold the tools.
    """

    chat_path: str = "/v1/chat/completions"
    completions: bool = False
    tools: Literal["native", "text", "never", "refused"] = "native"
    refusal: str = "This model does not support tools"
    follows_prompt: bool = True
    takes: frozenset[str] = ALL
    respects: frozenset[str] = ALL
    choice_status: int = 400
    parallel: bool = True
    most_calls: int = 2
    id_length: int = 24
    only_nine: bool = False
    stream: Literal["events", "answer", "refused"] = "events"
    usage: Literal["stream_options", "usage_include", "always", "never"] = "stream_options"
    limit: str = "max_tokens"
    strict: bool = False
    formats: bool = True
    checks_messages: bool = True
    listing: Mapping[str, Any] | None = None
    one_model: Mapping[str, Any] | None = None
    has_usage: bool = True
    lists_nothing: bool = False
    fails_first: bool = False
    drops_tools: bool = False


class RefusalError(Exception):
    """A request that the provider rejects."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class OddProvider:
    """Answers by its traits and keeps the requests; replies in `instead` come first."""

    traits: Traits = field(default_factory=Traits)
    instead: list[Reply | RawReply] = field(default_factory=list)
    requests: list[HttpRequest] = field(default_factory=list)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """Return the bodies of the questions, oldest first."""
        return [json.loads(each.body) for each in self.requests if each.method == "POST"]

    async def answer(self, request: HttpRequest) -> Reply | RawReply:
        """Answer one request."""
        self.requests.append(request)
        if request.method == "GET":
            is_lost = self.traits.lists_nothing
            return RawReply(then="reset") if is_lost else self._list(request.path)
        if self.instead:
            return self.instead.pop(0)
        if self.traits.fails_first and len(self.bodies) % 2:
            return as_json({"error": "overloaded"}, status=503)
        try:
            return self._reply(request)
        except RefusalError as refusal:
            error = {"message": str(refusal), "type": "invalid_request_error"}
            return as_json({"error": error}, status=refusal.status)

    def _list(self, path: str) -> Reply:
        if self.traits.listing is not None and path.endswith("/models"):
            return as_json(self.traits.listing)
        if self.traits.one_model is not None and path.startswith("/v1/models/"):
            return as_json(self.traits.one_model)
        return as_json({"error": "no such page"}, status=404)

    def _reply(self, request: HttpRequest) -> Reply:
        body = json.loads(request.body)
        if not isinstance(body.get("messages"), list) and not self.traits.checks_messages:
            body["messages"] = []
        if request.path == "/v1/completions" and self.traits.completions:
            assert "[INST]" in body["prompt"]
            choice = {"index": 0, "text": " Hello", "finish_reason": "stop"}
            return as_json({"id": "c", "choices": [choice], "usage": USAGE})
        if request.path != self.traits.chat_path:
            raise RefusalError("there is nothing here", status=404)
        self._check(body)
        message = self._message(body)
        if body.get("stream") and self.traits.stream == "events":
            return self._stream(body, message)
        reason = "tool_calls" if "tool_calls" in message else "stop"
        answer = {"id": "a", "choices": [{"index": 0, "message": message, "finish_reason": reason}]}
        usage = USAGE
        if self.traits.drops_tools:
            size = len(str(body["messages"]))
            usage = {"prompt_tokens": size, "completion_tokens": 20, "total_tokens": size + 20}
        return as_json({**answer, "usage": usage} if self.traits.has_usage else answer)

    def _check(self, body: dict[str, Any]) -> None:
        """Refuse what the traits do not have."""
        traits = self.traits
        if not isinstance(body["messages"], list):
            raise RefusalError("messages: Input should be a list")
        known = {*KNOWN, traits.limit, "response_format", "parallel_tool_calls"}
        known |= {"stream_options"} if traits.usage == "stream_options" else set()
        known |= {"usage"} if traits.usage == "usage_include" else set()
        unknown = [name for name in body if name not in known]
        is_limit = any(name in ("max_tokens", "max_completion_tokens") for name in unknown)
        if unknown and (traits.strict or is_limit):
            raise RefusalError(
                f"Unsupported parameter: {unknown[0]!r} is not supported", status=422
            )
        if "response_format" in body and not traits.formats:
            raise RefusalError("response_format is not permitted")
        if "tools" in body and traits.tools == "refused":
            raise RefusalError(traits.refusal)
        if "parallel_tool_calls" in body and not traits.parallel:
            raise RefusalError("parallel_tool_calls: unknown field")
        if "tool_choice" in body and choice_of(body) not in traits.takes:
            raise RefusalError(
                "tool_choice has a value that is not valid", status=traits.choice_status
            )
        if body.get("stream") and traits.stream == "refused":
            raise RefusalError("stream is not permitted")
        for call_id in ids_in(body["messages"]):
            if traits.only_nine and not (len(call_id) == 9 and call_id.isalnum()):
                raise RefusalError("Tool call id must be a-z, A-Z, 0-9, with a length of 9.")

    def _message(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return text, calls, or calls as text."""
        names = self._names(body)
        asked = str(body["messages"])
        is_prompted = "tools" not in body and '"name"' in asked and "Sunny" not in asked
        if is_prompted and self.traits.follows_prompt:
            return {"role": "assistant", "content": text_calls(["weather"])}
        if not names or self.traits.tools == "never":
            text = '{"city": "Oslo"}' if "response_format" in body else "Hello"
            return {"role": "assistant", "content": text}
        if self.traits.tools == "text":
            return {"role": "assistant", "content": text_calls(names)}
        calls = [
            {"id": f"call_{i:0{self.traits.id_length - 5}d}", "type": "function", "function": f}
            for i, f in enumerate({"name": n, "arguments": '{"city":"Oslo"}'} for n in names)
        ]
        return {"role": "assistant", "content": None, "tool_calls": calls}

    def _names(self, body: dict[str, Any]) -> list[str]:
        """Return the tools to call: as chosen, else what a question about weather needs."""
        choice = choice_of(body)
        last = body["messages"][-1] if body["messages"] else {}
        if "tools" not in body or last.get("role") == "tool":
            return []
        if choice in self.traits.respects and choice == "none":
            return []
        if choice in self.traits.respects and choice == "named":
            return [body["tool_choice"]["function"]["name"]]
        is_forced = choice in ("required", "any") and choice in self.traits.respects
        if not is_forced and "weather" not in last["content"]:
            return []
        count = 2 if "Rome" in last["content"] else 1
        return [body["tools"][0]["function"]["name"]] * min(count, self.traits.most_calls)

    def _stream(self, body: dict[str, Any], message: dict[str, Any]) -> Reply:
        return Reply(
            headers={"content-type": "text/event-stream"},
            chunks=[
                f"data: {json.dumps(each)}\n\n".encode() for each in self._chunks(body, message)
            ]
            + [b"data: [DONE]\n\n"],
            is_stream=True,
        )

    def _chunks(self, body: dict[str, Any], message: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for index, call in enumerate(message.get("tool_calls", ())):
            name, arguments = call["function"]["name"], call["function"]["arguments"]
            start = {**call, "index": index, "function": {"name": name, "arguments": ""}}
            yield chunk({"tool_calls": [start]})
            for piece in (arguments[:4], arguments[4:]):
                yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
        if message["content"]:
            yield chunk({"content": message["content"]})
        yield chunk({}, "stop")
        asks = {"stream_options": "stream_options", "usage_include": "usage"}.get(self.traits.usage)
        if self.traits.usage == "always" or (asks is not None and asks in body):
            yield {"id": "a", "choices": [], "usage": USAGE}


USAGE = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}


def text_calls(names: list[str]) -> str:
    """Return calls in the text form of Mistral's models."""
    calls = [{"name": name, "arguments": {"city": "Oslo"}} for name in names]
    return f"[TOOL_CALLS] {json.dumps(calls)}"


def choice_of(body: dict[str, Any]) -> str | None:
    """Return the value of `tool_choice`."""
    choice = body.get("tool_choice")
    return "named" if isinstance(choice, dict) else choice


def ids_in(messages: list[dict[str, Any]]) -> list[str]:
    """Return the ids in a conversation."""
    calls = [call["id"] for each in messages for call in each.get("tool_calls", ())]
    return calls + [each["tool_call_id"] for each in messages if "tool_call_id" in each]


def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    """Return one event of a stream."""
    return {"id": "a", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


def as_json(value: object, *, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    """Return a JSON answer."""
    head = {"content-type": "application/json", **(headers or {})}
    return Reply(status=status, headers=head, chunks=[json.dumps(value).encode()])


@asynccontextmanager
async def running(server: OddProvider) -> AsyncIterator[str]:
    """Serve `server` and yield its base URL."""
    async with serve(server.answer) as url:
        yield f"{url}/v1"
