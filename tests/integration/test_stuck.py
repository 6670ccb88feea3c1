"""Runs with a model that is stuck end within their limits and give the reason."""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, overload

import anyio
import pytest

from agentkit import Agent, Budget, RunResult, StopReason, ToolError, tool
from agentkit.budget.request_limit import MOST_CHARACTERS
from agentkit.config.load import resolve_model
from agentkit.model.build import DIALECTS
from agentkit.model.provider_model import ProviderModel
from agentkit.sandbox.http_server import HttpRequest, Reply, serve
from agentkit.testing.clock import ManualClock

BEST = "This is the best I have."
USD_PER_MILLION = Decimal(10)
LIMIT_SECONDS = 60
NO_ANSWER = "The run ended without an answer: "

Say = Callable[[int], dict[str, Any]]
"""What the model says the n-th time it is asked, from 1."""


def call(name: str, number: int, *, text: str = "", **arguments: object) -> dict[str, Any]:
    """Return a message with a tool call."""
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {
        "role": "assistant",
        "content": text or None,
        "tool_calls": [{"id": f"call{number:05}", "type": "function", "function": function}],
    }


@dataclass
class StuckProvider:
    """Repeats one kind of message; without tools, it answers.

    Attributes:
        say: makes its message while there are tools.
        closes: whether it answers when there are none.
        clock: advances by ten seconds with each request.
        requests: the number of requests.
        tokens: the tokens it counted.
        runs: the executions of its tools.
    """

    say: Say
    closes: bool = True
    clock: ManualClock = field(default_factory=ManualClock)
    requests: int = 0
    tokens: int = 0
    runs: list[int] = field(default_factory=list)

    async def answer(self, request: HttpRequest) -> Reply:
        """Respond to a request; a response over the token limit is truncated."""
        body = json.loads(request.body)
        self.requests += 1
        self.clock.advance(10)
        message = self.say(self.requests)
        if "tools" not in body:
            if not self.closes:
                return Reply(status=400, chunks=[b'{"error": {"message": "no tools, no answer"}}'])
            message = {"role": "assistant", "content": BEST}
        text = message["content"] or ""
        room = body.get("max_tokens") or 10**9
        is_cut = len(text) // 4 > room
        prompt, completion = len(request.body) // 5, min(len(text) // 4 + 20, room)
        self.tokens += prompt + completion
        answer = {
            "id": "x",
            "model": "m",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": text[: room * 4]}
                    if is_cut
                    else message,
                    "finish_reason": "length"
                    if is_cut
                    else "tool_calls"
                    if "tool_calls" in message
                    else "stop",
                }
            ],
            "usage": {"prompt_tokens": prompt, "completion_tokens": completion},
        }
        return Reply(
            headers={"content-type": "application/json"}, chunks=[json.dumps(answer).encode()]
        )

    @asynccontextmanager
    async def agent(self) -> AsyncIterator[Agent[None]]:
        """Serve the provider, and yield an agent for it."""

        @tool(read_only=True)
        def look(n: int = 0) -> str:
            """Look."""
            self.runs.append(n)
            return f"seen {n}"

        @tool(read_only=True)
        def fail(n: int = 0) -> str:
            """Fail."""
            self.runs.append(n)
            raise ToolError("The disk is full.")

        async with serve(self.answer) as url:
            found = resolve_model("openai-compatible:m", base_url=url)
            price = {
                "input_usd_per_million": USD_PER_MILLION,
                "output_usd_per_million": USD_PER_MILLION,
            }
            resolved = replace(found, model=replace(found.model, **price))  # type: ignore[arg-type]  # both are prices
            yield Agent(
                ProviderModel(resolved, dialects=DIALECTS),
                tools=[look, fail],
                clock=self.clock,
            )

    async def run(self, budget: Budget) -> RunResult:
        """Run the agent within a budget."""
        with anyio.fail_after(LIMIT_SECONDS):
            async with self.agent() as agent:
                return await agent.run("Look around.", budget=budget)


LOOPS: dict[str, tuple[Say, int]] = {
    "the same call with the same result": (lambda n: call("look", n), 5),
    "one thing, another, and again": (lambda n: call("look", n, n=n % 2), 10),
    "the same error whatever is tried": (lambda n: call("fail", n, n=n), 5),
    "the same text with every call": (lambda n: call("look", n, n=n, text="Hm."), 10),
}


@pytest.mark.parametrize(("say", "turns"), LOOPS.values(), ids=LOOPS.keys())
async def test_a_model_without_progress_is_stopped(say: Say, turns: int) -> None:
    """And gives its best answer."""
    provider = StuckProvider(say)

    result = await provider.run(Budget(seconds=None))

    assert (result.stop_reason, result.text) == ("no_progress", BEST)
    assert provider.requests == turns + 1
    assert len(provider.runs) == turns


@pytest.mark.parametrize("say", [one for one, _ in LOOPS.values()], ids=LOOPS.keys())
async def test_a_hard_limit_stops_a_model_without_progress_at_once(say: Say) -> None:
    """Its last text, or a sentence of agentkit, is the text of the result."""
    result = await StuckProvider(say).run(Budget(seconds=None, closing_answer=False))

    assert result.stop_reason == "no_progress"
    assert result.text in ("Hm.", f"{NO_ANSWER}it repeated itself and got nowhere.")


BUDGETS: dict[str, tuple[Budget, StopReason, str]] = {
    "turns": (Budget(turns=6), "max_turns", "model calls"),
    "tool calls": (Budget(tool_calls=6), "max_tool_calls", "tool calls"),
    "tokens": (Budget(tokens=6_000), "max_tokens", "tokens"),
    "money": (Budget(cost_usd=Decimal("0.06")), "max_cost", "money"),
    "time": (Budget(seconds=100), "deadline", "time"),
}
ENDLESS: dict[str, Say] = {
    "endless new calls": lambda n: call("look", n, n=n),
    "huge answers": lambda n: call("look", n, n=n, text=f"{n} " + "word " * 1_500),
}


def _is_within(provider: StuckProvider, budget: Budget) -> None:
    """Check that the provider received and counted no more than the budget allows."""
    limits = budget.limits()
    assert provider.requests <= limits.turns + 1
    assert len(provider.runs) <= limits.tool_calls
    assert provider.tokens <= limits.tokens
    cost = provider.tokens * USD_PER_MILLION / 1_000_000
    assert cost <= limits.cost_usd
    assert provider.clock.monotonic() <= limits.seconds + 10  # the last one begins in time


@pytest.mark.parametrize("say", ENDLESS.values(), ids=ENDLESS.keys())
@pytest.mark.parametrize(("budget", "reason", "what"), BUDGETS.values(), ids=BUDGETS.keys())
@pytest.mark.parametrize("hard", [False, True], ids=["soft", "hard"])
@pytest.mark.parametrize("closes", [True, False], ids=["answers at the end", "does not"])
async def test_a_run_costs_no_more_than_its_budget(
    say: Say, budget: Budget, reason: StopReason, what: str, hard: bool, closes: bool
) -> None:
    """For each limit alone; the stop reason names it."""
    budget = replace(budget, closing_answer=not hard)
    provider = StuckProvider(say, closes=closes)

    result = await provider.run(budget)

    said = {say(n)["content"] for n in range(1, provider.requests + 1)} - {None}
    sentence = f"{NO_ANSWER}it reached its limit of {what}."
    # An answer that the limit of tokens left no room for ends as one that was cut.
    assert result.stop_reason in (reason, "length")
    if result.stop_reason == reason:
        expected = {BEST} if closes and not hard else (said or {sentence})
        room_for_last = reason not in ("max_tokens", "max_cost")
        assert result.text in (expected if room_for_last else {BEST, sentence, *said})
    assert result.text
    _is_within(provider, budget)


class EndlessEvents(Sequence[bytes]):
    """A response without an end; counts the bytes read."""

    def __init__(self, piece: bytes) -> None:
        self._piece = piece
        self.taken = 0

    def __len__(self) -> int:
        return 2**31

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self.taken += 1
            yield self._piece

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | Sequence[bytes]:
        return self._piece


def _event(delta: dict[str, Any]) -> bytes:
    chunk = {"id": "x", "model": "m", "choices": [{"index": 0, "delta": delta}]}
    return f"data: {json.dumps(chunk)}\n\n".encode()


async def _endless(piece: bytes, budget: Budget) -> tuple[RunResult, EndlessEvents]:
    """Run with a provider whose responses never end."""
    events = EndlessEvents(piece)

    async def answer(_: HttpRequest) -> Reply:
        return Reply(headers={"content-type": "text/event-stream"}, chunks=events, is_stream=True)

    with anyio.fail_after(LIMIT_SECONDS):
        async with serve(answer) as url:
            agent: Agent[None] = Agent("openai-compatible:m", base_url=url)
            async with agent.stream("Talk.", budget=budget) as run:
                async for _ in run:
                    pass
            return run.result, events


async def test_an_endless_stream_is_cut_at_the_token_limit() -> None:
    """If the provider ignores the limit of the request."""
    budget = Budget(tokens=1_000, closing_answer=False)

    result, events = await _endless(_event({"content": "word " * 20}), budget)

    assert result.stop_reason == "max_tokens"
    assert result.text == f"{NO_ANSWER}it reached its limit of tokens."
    assert events.taken * 100 < 1_000 * MOST_CHARACTERS + 10**6  # what was on its way, at most


@pytest.mark.parametrize(
    "piece",
    [_event({"content": "word "}), b": still here\n\n", _event({})],
    ids=["text", "signs of life", "nothing in it"],
)
async def test_an_endless_stream_is_cut_at_the_deadline(piece: bytes) -> None:
    """Whatever it contains."""
    result, _ = await _endless(piece, Budget(seconds=0.5, closing_answer=False))

    assert result.stop_reason == "deadline"
    assert result.text == f"{NO_ANSWER}it reached its limit of time."
