"""Two thousand runs over three faulty providers; each ends in an answer or a typed error.

A run has its own seed: it says which providers there are, what each does wrong, and what is asked.
To hold one again: `await hold(seed)`.
"""

import json
import os
import socket
import stat
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from random import Random

import anyio

from agentkit import Agent, RunContext, RunResult, tool
from agentkit.config.load import resolve_model
from agentkit.errors import ProviderError
from agentkit.message import AssistantMessage, ToolResult
from agentkit.model.build import DIALECTS
from agentkit.model.downgrade import LearnedProfiles
from agentkit.model.provider_model import ProviderModel
from agentkit.model.route import CircuitBreakerSettings, RouteModel
from agentkit.sandbox import FAULTS, FaultPlan, Sandbox, sandbox
from agentkit.transport.http_settings import HttpSettings
from agentkit.transport.open_transport import open_transport
from agentkit.transport.retry import RetrySettings

RUNS = 1_000  # on each of the two event loops
AT_ONCE = 24
RUN_SECONDS = 300  # against hanging alone: a busy machine takes a tenth of it
PROVIDERS = (
    "mistral",
    "openrouter",
    "oxen",
    "aimlapi",
    "modelslab",
    "modelslab-anthropic",
    "llamacpp",
    "llamacpp-completions",
    "vllm",
    "ollama",
)
FAMILY = "mixtral-8x22b"
QUESTIONS = (
    "What is the population of Oslo?",
    "What is the population of Oslo, Bergen and Trondheim?",
    "Order 3 boxes of nails.",
    "Tell me a joke.",
)
STALLS = frozenset({"stall_before", "stall_inside"})
QUICK = tuple(name for name in FAULTS if name not in STALLS)
ALL = ("*",)
SLOW = HttpSettings(first_byte_seconds=20, idle_seconds=20)
FAST = HttpSettings(first_byte_seconds=0.3, idle_seconds=0.3)
RETRY = RetrySettings(attempts=3, base_seconds=0.0, max_wait_seconds=0.01)
BREAKER = CircuitBreakerSettings(failures=3, open_seconds=0.01, max_open_seconds=0.05)


@dataclass(slots=True)
class Ran:
    """What the tools of one run did: the call, and the arguments they were given."""

    calls: list[tuple[str, str, str]] = field(default_factory=list)

    def note(self, context: RunContext["Ran"], **arguments: object) -> None:
        """Keep that a call ran."""
        given = json.dumps(arguments, sort_keys=True)
        self.calls.append((context.call_id, context.tool_name, given))


@tool(read_only=True)
def population(context: RunContext[Ran], city: str) -> int:
    """Return the population of a city, how many people live there.

    Args:
        context: the call.
        city: the name of the city, e.g. Paris.
    """
    context.deps.note(context, city=city)
    return 1000 * len(city)


@tool(accepts_repaired=True)
async def order_boxes(context: RunContext[Ran], count: int, item: str) -> str:
    """Order boxes of an item.

    Args:
        context: the call.
        count: how many boxes.
        item: what is in the boxes, e.g. "screws".
    """
    context.deps.note(context, count=count, item=item)
    await anyio.lowlevel.checkpoint()
    return f"Ordered {count} boxes of {item}."


def closed_port() -> str:
    """Return a base URL at which no one listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}/v1"


def open_sockets() -> int:
    """Return how many sockets this process has."""
    modes = []
    for number in range(4_096):
        with suppress(OSError):
            modes.append(os.fstat(number).st_mode)
    return sum(map(stat.S_ISSOCK, modes))


@dataclass(slots=True, kw_only=True)
class Story:
    """A run that its seed determines, and its outcome."""

    seed: int
    rng: Random
    ran: Ran = field(default_factory=Ran)
    providers: list[Sandbox] = field(default_factory=list)
    result: RunResult | None = None
    error: ProviderError | None = None

    @property
    def outcome(self) -> str:
        """Return how the run ended."""
        return self.error.kind if self.error else self.result.stop_reason if self.result else ""

    def described(self) -> str:
        """Return what to look at where something is wrong."""
        deeds = {h.model: [a.fault for a in h.answers] for h in self.providers}
        return f"seed {self.seed}: {self.outcome}, {deeds}, ran {self.ran.calls}"


@asynccontextmanager
async def route(story: Story) -> AsyncIterator[RouteModel]:
    """Start three faulty providers, and yield the route over them."""
    rng = story.rng
    may_stall = rng.random() < 0.05
    plan = partial(
        FaultPlan,
        kinds=ALL if may_stall else QUICK,
        rate=rng.choice([0.3, 0.6, 0.9]),
        sequential=rng.random() < 0.2,
        slow_seconds=0.01,
    )
    transport = partial(open_transport, settings=FAST if may_stall else SLOW)
    models = []
    async with AsyncExitStack() as stack:
        for provider in rng.sample(PROVIDERS, 3):
            running = await stack.enter_async_context(
                sandbox(FAMILY, provider=provider, faults=plan(seed=rng.getrandbits(32)))
            )
            story.providers.append(running)
            resolved = resolve_model(
                running.model,
                environ={},
                api_key=running.api_key,
                base_url=closed_port() if rng.random() < 0.1 else running.base_url,
            )
            models.append(
                ProviderModel(
                    resolved, dialects=DIALECTS, learned=LearnedProfiles(), transport=transport
                )
            )
        yield RouteModel(models, retry=RETRY, circuit_breaker=BREAKER)


async def hold(seed: int) -> Story:
    """Hold the run that belongs to a seed."""
    story = Story(seed=seed, rng=Random(seed))  # noqa: S311 - repeatable
    choice = story.rng.choice(["auto", "auto", "required"])
    question = story.rng.choice(QUESTIONS)
    is_streamed = story.rng.random() < 0.5
    with anyio.fail_after(RUN_SECONDS):
        async with route(story) as model:
            agent = Agent(model, tools=[population, order_boxes])
            try:
                if not is_streamed:
                    story.result = await agent.run(question, tool_choice=choice, deps=story.ran)
                else:
                    async with agent.stream(question, tool_choice=choice, deps=story.ran) as run:
                        async for _ in run:
                            pass
                        story.result = run.result
            except ProviderError as error:
                story.error = error
    return story


def judge(story: Story) -> None:
    """Fail where a run did what no run may do."""
    meant = {
        (call.name, json.dumps(json.loads(call.arguments), sort_keys=True))
        for provider in story.providers
        for answer in provider.answers
        for call in answer.intended.calls
    }
    ran = story.ran.calls
    assert {(name, given) for _, name, given in ran} <= meant, story.described()
    assert len({call_id for call_id, _, _ in ran}) == len(ran), story.described()
    assert len({(name, given) for _, name, given in ran}) == len(ran), story.described()
    if story.result is None:
        assert story.error is not None, story.described()
        return
    history = story.result.history
    assert not history.open_calls, story.described()
    results = [m.call_id for m in history if isinstance(m, ToolResult) and not m.is_error]
    assert sorted(results) == sorted(call_id for call_id, _, _ in ran), story.described()
    assert story.result.text.strip(), story.described()
    shown = "".join(m.text for m in history if isinstance(m, AssistantMessage))
    assert "CALLS]" not in shown.replace("(No [TOOL_CALLS] was needed for this.)", ""), (
        story.described()
    )


async def test_every_run_ends_in_an_answer_or_in_one_typed_error(anyio_backend: str) -> None:
    """No hang, nothing left alive, no call run twice, none with arguments that no one sent."""
    first = RUNS * (anyio_backend == "trio")
    seeds = iter(range(first, first + RUNS))
    sockets = open_sockets()
    outcomes = Counter[str]()

    async def work() -> None:
        for seed in seeds:
            story = await hold(seed)
            judge(story)
            outcomes[story.outcome] += 1

    async with anyio.create_task_group() as tasks:
        for _ in range(AT_ONCE):
            tasks.start_soon(work)

    assert outcomes.total() == RUNS
    assert outcomes["answered"] > RUNS // 2, outcomes
    assert open_sockets() == sockets
