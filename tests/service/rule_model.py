"""A model that answers by plain rules, so that many tests can share one server.

In:  requests; the last message says what to do.
Out: text, calls, errors, or silence.
"""

import json
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import cast

import anyio

from agentkit import AssistantMessage, Usage, tool
from agentkit.chat import FinishReason, ModelRequest, ModelResponse
from agentkit.config.profile import ModelProfile
from agentkit.content import ContentBlock, ImageContent, ReasoningContent, TextContent
from agentkit.errors import ErrorKind, StatusError
from agentkit.event import Emit, ReasoningReceived, TextReceived
from agentkit.message import SystemMessage, ToolCall, ToolResult, UserMessage
from agentkit.model.model import ModelConnection
from agentkit.value import dataclass

PIECE = 4
USAGE = Usage(
    input_tokens=30,
    output_tokens=5,
    cache_read_tokens=10,
    reasoning_tokens=2,
    cost_usd=Decimal("0.01"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is answered."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    reasoning: str = ""
    reason: FinishReason = "stop"
    error: ErrorKind | None = None


class RuleModel:
    """The model; `left` counts runs that were cancelled while they waited."""

    def __init__(self) -> None:
        self.name = "rules:model"
        self.profile = ModelProfile(
            family="rules",
            id="model",
            input_usd_per_million=Decimal(1),
            output_usd_per_million=Decimal(1),
        )
        self.requests: list[ModelRequest] = []
        self.has_begun = threading.Event()
        self.has_left = threading.Event()
        self.release = threading.Event()

        @tool(read_only=True, name="wait")
        async def wait() -> str:
            """Wait."""
            await self._wait()
            return "waited"

        self.wait = wait

    @asynccontextmanager
    async def open(self) -> AsyncIterator[ModelConnection]:
        """Open a connection; nothing leaves the process."""
        yield self

    async def chat(self, request: ModelRequest, *, emit: Emit) -> ModelResponse:
        """Answer by the rules."""
        self.requests.append(request)
        last = request.history[-1]
        text = last.text if isinstance(last, UserMessage) else ""
        if text == "silent":
            await self._wait()
        rule = _after(last) if isinstance(last, ToolResult) else find_rule(text, request)
        blocks: list[ContentBlock] = []
        if rule.reasoning:
            blocks.append(ReasoningContent(rule.reasoning))
            if request.stream:
                await emit(ReasoningReceived(rule.reasoning))
        if rule.text:
            blocks.append(TextContent(rule.text))
            if request.stream:
                for at in range(0, len(rule.text), PIECE):
                    await emit(TextReceived(rule.text[at : at + PIECE]))
        if rule.error is not None:
            raise StatusError(
                "The provider failed.",
                kind=rule.error,
                status=500,
                retry_after_seconds=3 if rule.error == "rate_limit" else None,
            )
        message = AssistantMessage(blocks, tool_calls=rule.calls)
        return ModelResponse(message=message, finish_reason=rule.reason, usage=USAGE)

    async def _wait(self) -> None:
        self.has_begun.set()
        try:
            while not self.release.is_set():  # noqa: ASYNC110  # set by another thread
                await anyio.sleep(0.01)
        except BaseException:
            self.has_left.set()
            raise


RULES: Mapping[str, Rule] = {
    "late fail": Rule(text="It begins", error="server"),
    "think": Rule(text="Done.", reasoning="Hm, hm."),
    "long": Rule(text="It is lon", reason="length"),
    "filtered": Rule(reason="content_filter", text="I "),
    "json": Rule(text='{"city": "Oslo"}'),
    "nojson": Rule(text="no"),
}


def find_rule(text: str, request: ModelRequest) -> Rule:
    """Return what is answered to a text of the user."""
    if text in RULES:
        return RULES[text]
    match text.split():
        case ["fail", kind]:
            return Rule(error=cast(ErrorKind, kind))  # written by a test
        case ["call", *names]:
            calls = tuple(_call(name, at) for at, name in enumerate(names))
            return Rule(text="Let me see.", calls=calls, reason="tool_calls")
        case ["system"]:
            texts = [one.text for one in request.history if isinstance(one, SystemMessage)]
            return Rule(text=json.dumps([request.instructions, *texts]))
        case ["image"]:
            last = cast(UserMessage, request.history[-1])
            kinds = [one.mime_type for one in last.content if isinstance(one, ImageContent)]
            return Rule(text=json.dumps(kinds))
        case _:
            return Rule(text=f"You said: {text}")


def _after(result: ToolResult) -> Rule:
    return Rule(text=f"The result is {result.text}.")


def _call(name: str, at: int) -> ToolCall:
    arguments = {
        "add": '{"a": 1, "b": 2}',
        "pay": '{"amount": 7}',
        "weather": '{"city": "Oslo"}',
    }
    return ToolCall(id=f"call{at:05}", name=name, arguments=arguments.get(name, "{}"))
