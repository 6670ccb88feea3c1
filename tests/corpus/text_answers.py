"""Answer an agent's question with a given text, complete or streamed, and record what follows.

In:  the text of an answer, native calls next to it, tools; how it is cut into pieces.
Out: `Outcome`: what ran, what was shown, how the run ended.

After the answer the provider says "Done.", so that an agent that continues can end.
"""

import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from agentkit import (
    Agent,
    AgentKitError,
    AssistantMessage,
    ModelSettings,
    ReasoningReceived,
    TextReceived,
    Tool,
    ToolCall,
    UserMessage,
)
from agentkit.config.load import ResolvedModel, resolve_model
from agentkit.config.profile import Reasoning
from agentkit.event import TextReclassified, TurnStarted
from agentkit.history import History
from agentkit.json_schema import JsonObject, JsonValue
from agentkit.model.build import DIALECTS
from agentkit.model.downgrade import LearnedProfiles
from agentkit.model.provider_model import ProviderModel
from agentkit.testing.scripted import ScriptedExchange, ScriptedTransport
from agentkit.transport.base import Transport
from agentkit.transport.retry import RetrySettings

Json = dict[str, Any]
Call = tuple[str, Mapping[str, Any]]

QUESTION = History((UserMessage("Do what is to be done."),))
DONE = "Done."
MOST_TURNS = 6
USAGE: JsonObject = {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}
RESOLVED = resolve_model("openai-compatible:my-model", environ={}, base_url="http://127.0.0.1:9/v1")


@dataclass(kw_only=True)
class Written:
    """An answer of the provider.

    Attributes:
        text: its text.
        native: its native calls.
        is_limited: the token limit ended it.
    """

    text: str
    native: Sequence[Call] = ()
    is_limited: bool = False

    @property
    def finish_reason(self) -> str:
        """Return what the provider says about its end."""
        if self.is_limited:
            return "length"
        return "tool_calls" if self.native else "stop"


@dataclass(kw_only=True)
class Outcome:
    """The calls that ran after an answer, and what was shown of it.

    Attributes:
        ran: the calls that ran, in order.
        shown: the answer text that was emitted in the first turn and not reclassified.
        reasoning: the reasoning that was emitted in the first turn.
        history: the conversation; None after an error.
        error: what the run raised.
        known: how many messages precede the answer.
    """

    known: int = 1
    ran: list[Call] = field(default_factory=list)
    shown: str = ""
    reasoning: str = ""
    history: History | None = None
    error: AgentKitError | None = None

    @property
    def first(self) -> AssistantMessage:
        """Return the answer as a message; an empty one after an error."""
        new = () if self.history is None else self.history[self.known :]
        return next((one for one in new if isinstance(one, AssistantMessage)), AssistantMessage())

    @property
    def calls(self) -> list[ToolCall]:
        """Return the calls of the answer that were accepted in their place."""
        return [call for call in self.first.tool_calls if call.rejection is None]


class RecordingTools:
    """Tools from their definitions in the OpenAI format; each records its calls.

    They are made once, for many answers. An instance is called with the outcome of the next one.
    """

    def __init__(self, specs: Iterable[Json], *, read_only: bool = False) -> None:
        self._outcome = Outcome()
        self._tools = [self._tool(spec["function"], read_only=read_only) for spec in specs]

    def __call__(self, outcome: Outcome) -> list[Tool]:
        """Record calls in `outcome` from now on, and return the tools."""
        self._outcome = outcome
        return self._tools

    def _tool(self, spec: Json, *, read_only: bool) -> Tool:
        async def run(arguments: Json) -> str:
            self._outcome.ran.append((spec["name"], arguments))
            return "done"

        return Tool.from_schema(
            name=spec["name"],
            description=spec.get("description") or "",
            input_schema=spec.get("parameters") or {"type": "object"},
            handler=run,
            read_only=read_only,
        )


def pieces_of(text: str, *, seed: str | None = None, size: int | None = None) -> list[str]:
    """Return text in pieces of one size, or of random sizes."""
    if seed is None:
        step = size or max(len(text), 1)
        return [text[at : at + step] for at in range(0, len(text), step)]
    dice, parts, at = random.Random(seed), [], 0  # noqa: S311 - cuts text, keeps no secret
    while at < len(text):
        step = dice.randint(1, 9)
        parts.append(text[at : at + step])
        at += step
    return parts


async def play_text(
    answer: Written,
    tools: Callable[[Outcome], Sequence[Tool]],
    *,
    cut: Callable[[str], Sequence[str]] | None = None,
    reasoning: Reasoning = "tags",
    history: History = QUESTION,
) -> Outcome:
    """Let an agent get this answer.

    Args:
        answer: what the provider sends first.
        tools: makes the tools, which note their calls in an outcome.
        cut: cuts the text into the pieces of a stream; None sends the answer complete.
        reasoning: how the model writes its reasoning.
        history: the conversation before the answer.
    """
    outcome = Outcome(known=len(history))
    done = _exchange(Written(text=DONE), cut=cut)
    exchanges = [_exchange(answer, cut=cut), *[done] * MOST_TURNS]
    agent: Agent[None] = Agent(
        model_with(exchanges, reasoning=reasoning),
        tools=list(tools(outcome)),
        settings=ModelSettings(temperature=0),
    )
    try:
        if cut is None:
            outcome.history = (await agent.run(history=history)).history
        else:
            await _stream(agent, history, outcome)
    except AgentKitError as error:
        outcome.error = error
    return outcome


async def _stream(agent: Agent[None], history: History, outcome: Outcome) -> None:
    turn = 0
    async with agent.stream(history=history) as run:
        async for event in run:
            match event:
                case TurnStarted():
                    turn = event.turn
                case TextReceived(text) if turn == 1:
                    outcome.shown += text
                case ReasoningReceived(text) if turn == 1:
                    outcome.reasoning += text
                case TextReclassified(text) if turn == 1:
                    assert outcome.shown == text
                    outcome.shown = ""
                case _:
                    pass
        outcome.history = run.result.history


def model_with(
    exchanges: Sequence[ScriptedExchange], *, reasoning: Reasoning = "none"
) -> ProviderModel:
    """Return a model that makes one attempt, with these answers."""
    transport = ScriptedTransport(*exchanges)

    def opened(resolved: ResolvedModel, *, base_url: str | None = None) -> Transport:
        assert base_url == resolved.provider.base_url
        return transport

    return ProviderModel(
        replace(RESOLVED, model=replace(RESOLVED.model, reasoning=reasoning)),
        dialects=DIALECTS,
        retry=RetrySettings(attempts=1),
        learned=LearnedProfiles(),
        transport=opened,
    )


def _exchange(answer: Written, *, cut: Callable[[str], Sequence[str]] | None) -> ScriptedExchange:
    calls: list[JsonValue] = [
        {
            "index": index,
            "id": f"native{index:03}",
            "type": "function",
            "function": {"name": name, "arguments": json.dumps(arguments)},
        }
        for index, (name, arguments) in enumerate(answer.native)
    ]
    ending: JsonObject = {"tool_calls": calls} if calls else {}
    if cut is None:
        message: JsonObject = {"role": "assistant", "content": answer.text, **ending}
        choice: JsonObject = {"index": 0, "message": message, "finish_reason": answer.finish_reason}
        return ScriptedExchange.of_json({"id": "a", "choices": [choice], "usage": USAGE})
    chunks = [_text_chunk(piece) for piece in cut(answer.text) if piece]
    last: list[JsonObject] = [{"delta": ending}] if ending else []
    last.append({"delta": {}, "finish_reason": answer.finish_reason})
    chunks += [_chunk({"choices": [one]}) for one in last]
    return ScriptedExchange.of_events(*chunks, _USAGE_CHUNK, b"data: [DONE]\n\n")


def _chunk(value: JsonObject) -> bytes:
    return f"data: {json.dumps(value)}\n\n".encode()


@lru_cache(maxsize=4096)
def _text_chunk(piece: str) -> bytes:
    """Return an event with a piece of text; most are single characters, which recur."""
    return _chunk({"choices": [{"delta": {"content": piece}}]})


_USAGE_CHUNK = _chunk({"choices": [], "usage": USAGE})
