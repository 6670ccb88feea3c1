"""Send one malformed answer to an agent, over HTTP, and record everything observable.

In:  a case of a corpus, and whether the agent streams.
Out: `Seen`.

The provider sends the answer of the case, and then "Done.", so that an agent that continues can
end. A provider that answers with an error does so each time.
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from agentkit import (
    Agent,
    AgentKitError,
    AssistantMessage,
    ModelSettings,
    RunResult,
    TextReceived,
    Tool,
    ToolResult,
)
from agentkit.config.load import resolve_model
from agentkit.event import AnswerRepaired, ToolCallRejected, TurnStarted
from agentkit.model import Repair
from agentkit.model.build import DIALECTS
from agentkit.model.downgrade import LearnedProfiles
from agentkit.model.provider_model import ProviderModel
from agentkit.sandbox.http_server import HttpRequest, Reply, serve
from agentkit.transport.retry import RetrySettings

Case = dict[str, Any]  # JSON of a corpus file
Json = dict[str, Any]

DONE = "Done."
QUESTION = "Do what is to be done."


@dataclass(kw_only=True)
class Seen:
    """The outcome of one case.

    Attributes:
        requests: the bodies of the requests.
        started: the calls of the tools that started, with their arguments.
        ran: those whose result is in the history, in the order of the calls.
        shown: the emitted text of the first answer.
        repairs: the reported repairs; only a streamed run reports them.
    """

    is_streamed: bool
    requests: list[Json] = field(default_factory=list)
    started: list[Json] = field(default_factory=list)
    ran: list[Json] = field(default_factory=list)
    shown: str = ""
    repairs: list[Repair] = field(default_factory=list)
    refused: list[ToolCallRejected] = field(default_factory=list)
    result: RunResult | None = None
    error: AgentKitError | None = None

    @property
    def first(self) -> AssistantMessage:
        """Return the first answer."""
        assert self.result is not None
        return next(one for one in self.result.history if isinstance(one, AssistantMessage))

    @property
    def results(self) -> list[ToolResult]:
        """Return the results of the first answer's calls."""
        assert self.result is not None
        ids = {call.id for call in self.first.tool_calls}
        return [
            one for one in self.result.history if isinstance(one, ToolResult) and one.call_id in ids
        ]


async def play(case: Case, *, is_streamed: bool) -> Seen:
    """Let an agent send one question to the provider of `case`."""
    seen = Seen(is_streamed=is_streamed)
    asked = case.get("request", {})
    is_error = case["expected"]["outcome"] == "error" and case["expected"]["retry"] != "feedback"

    async def answer(request: HttpRequest) -> Reply:
        seen.requests.append(json.loads(request.body))
        if len(seen.requests) == 1 or is_error:
            return _reply(case)
        return _done(is_streamed=is_streamed)

    async with serve(answer) as url:
        agent: Agent[None] = Agent(
            _model(url),
            tools=list(_tools(case, seen)),
            settings=ModelSettings(
                max_tokens=asked.get("max_tokens"),
                parallel_tool_calls=asked.get("parallel_tool_calls"),
            ),
        )
        try:
            await _run(agent, seen, choice=_choice(asked.get("tool_choice", "auto")))
        except AgentKitError as error:
            seen.error = error
    if seen.result is not None:
        seen.ran = [seen.started[int(one.text)] for one in seen.results if not one.is_error]
    return seen


async def _run(agent: Agent[None], seen: Seen, *, choice: str) -> None:
    if not seen.is_streamed:
        seen.result = await agent.run(QUESTION, tool_choice=choice)
        return
    turn = 0
    async with agent.stream(QUESTION, tool_choice=choice) as run:
        async for event in run:
            match event:
                case TurnStarted():
                    turn = event.turn
                case TextReceived(text) if turn == 1:
                    seen.shown += text
                case AnswerRepaired(repair=repair):
                    seen.repairs.append(repair)
                case ToolCallRejected():
                    seen.refused.append(event)
                case _:
                    pass
        seen.result = run.result


def _model(url: str) -> ProviderModel:
    """Return a model that makes one attempt and shares no learned facts with other cases.

    Its context window is not known: an answer may be larger than that of the weights.
    """
    resolved = resolve_model("openai-compatible:mixtral-8x22b-instruct", environ={}, base_url=url)
    resolved = replace(resolved, model=replace(resolved.model, context_window_tokens=None))
    retry = RetrySettings(attempts=1)
    return ProviderModel(resolved, dialects=DIALECTS, retry=retry, learned=LearnedProfiles())


def _choice(choice: Any) -> str:
    return choice if isinstance(choice, str) else str(choice["function"]["name"])


def _tools(case: Case, seen: Seen) -> Iterator[Tool]:
    """Build the offered tools; each records its arguments."""
    for offer in case["tools"]:
        spec = offer["function"]

        async def run(arguments: Json, name: str = spec["name"]) -> str:
            seen.started.append({"name": name, "arguments": arguments})
            return str(len(seen.started) - 1)

        yield Tool.from_schema(
            name=spec["name"],
            description=spec["description"],
            input_schema=spec["parameters"],
            handler=run,
            read_only=True,
            max_arguments_characters=2_000_000,
        )


def _reply(case: Case) -> Reply:
    if case["kind"] == "stream":
        chunks = [_bytes(chunk) for chunk in case["chunks"]]
    else:
        body = case["body"]
        chunks = [(body if isinstance(body, str) else json.dumps(body)).encode()]
    return Reply(
        status=case["status"],
        headers=case["headers"],
        chunks=chunks,
        is_stream=case["kind"] == "stream",
    )


def _bytes(chunk: str | Json) -> bytes:
    return chunk.encode() if isinstance(chunk, str) else base64.b64decode(chunk["b64"])


def _done(*, is_streamed: bool) -> Reply:
    key = "delta" if is_streamed else "message"
    choice = {"index": 0, key: {"role": "assistant", "content": DONE}, "finish_reason": "stop"}
    text = json.dumps({"id": "cmpl-2", "choices": [choice]})
    if is_streamed:
        text = f"data: {text}\n\ndata: [DONE]\n\n"
    kind = "text/event-stream" if is_streamed else "application/json"
    return Reply(headers={"content-type": kind}, chunks=[text.encode()])
