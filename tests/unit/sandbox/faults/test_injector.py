"""Each fault once: it is injected into an answer that it applies to, and a run copes with it."""

from functools import partial

import anyio
import pytest

from agentkit import Agent, tool
from agentkit.config.load import resolve_model
from agentkit.errors import ConfigError, ProviderError
from agentkit.model.build import DIALECTS
from agentkit.model.downgrade import LearnedProfiles
from agentkit.model.provider_model import ProviderModel
from agentkit.sandbox import FAULTS, FaultPlan, Sandbox, sandbox
from agentkit.transport.http_settings import HttpSettings
from agentkit.transport.open_transport import open_transport
from agentkit.transport.retry import RetrySettings

TWICE = "What is the population of Oslo and Bergen?"
JOKE = "Tell me a joke."
RETRY = RetrySettings(attempts=3, base_seconds=0.0, max_wait_seconds=2.0)
# These end in an error: an answer that a limit cut is not requested again.
FATAL = {"cut_by_limit", "cut_unreported", "status_401", "status_402"}


@tool(read_only=True)
def population(city: str) -> int:
    """Return the population of a city, how many people live there.

    Args:
        city: the name of the city, e.g. Paris.
    """
    return 1000 * len(city)


def _agent(running: Sandbox, *, hasty: bool = False) -> Agent:
    settings = HttpSettings(first_byte_seconds=0.2, idle_seconds=0.2) if hasty else None
    model = ProviderModel(
        resolve_model(
            running.model, environ={}, api_key=running.api_key, base_url=running.base_url
        ),
        dialects=DIALECTS,
        retry=RETRY,
        learned=LearnedProfiles(),
        transport=partial(open_transport, settings=settings),
    )
    return Agent(model, tools=[population])


async def _ask(agent: Agent, question: str, *, is_streamed: bool, choice: str) -> str:
    try:
        if not is_streamed:
            return (await agent.run(question, tool_choice=choice)).stop_reason
        async with agent.stream(question, tool_choice=choice) as run:
            async for _ in run:
                pass
            return run.result.stop_reason
    except ProviderError as error:
        return error.kind


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_is_injected_and_a_run_copes_with_it(name: str) -> None:
    """Complete or streamed, with calls or without: it applies to one of these."""
    plan = FaultPlan(kinds=[name], times=1, slow_seconds=0.01)
    seen, ends = set[str | None](), set[str]()
    for question in (TWICE, JOKE):
        for is_streamed in (False, True):
            choice = "required" if name == "no_call" and question == TWICE else "auto"
            with anyio.fail_after(20):
                async with sandbox(provider="openrouter", faults=plan) as running:
                    agent = _agent(running, hasty=name.startswith("stall"))
                    ends.add(await _ask(agent, question, is_streamed=is_streamed, choice=choice))
                    seen |= {answer.fault for answer in running.answers}

    assert name in seen
    assert "answered" in ends or name in FATAL


async def test_sequential_kinds_are_taken_in_their_order_over_and_over() -> None:
    """A kind that does not apply to an answer waits for one that it applies to."""
    plan = FaultPlan(kinds=["status_503", "text_call", "empty"], sequential=True, times=4)
    async with sandbox(faults=plan) as running:
        await _ask(_agent(running), TWICE, is_streamed=False, choice="auto")

        faults = [answer.fault for answer in running.answers]
    assert faults[:4] == ["status_503", "text_call", "empty", "status_503"]
    assert set(faults[4:]) == {None}
    assert [call.name for call in running.answers[1].intended.calls] == ["population"] * 2


async def test_the_same_seed_gives_the_same_faults() -> None:
    """Another seed gives others, and a rate leaves some answers correct."""

    async def faults(seed: int) -> list[str | None]:
        plan = FaultPlan(kinds=["text_call*", "ids*", "arguments_re*"], seed=seed, rate=0.5)
        async with sandbox(faults=plan) as running:
            agent = _agent(running)
            for city in ("Oslo", "Bergen", "Rome", "Paris"):
                question = f"What is the population of {city}?"
                await _ask(agent, question, is_streamed=False, choice="auto")
            return [answer.fault for answer in running.answers]

    first = await faults(5)

    assert first == await faults(5)
    assert first != await faults(6)
    assert None in first[::2]
    assert len(set(first)) > 1


@pytest.mark.parametrize("given", ["text_call", ["text_call"], FaultPlan(kinds=["text_call"])])
async def test_faults_may_be_a_name_some_names_or_a_plan(
    given: str | list[str] | FaultPlan,
) -> None:
    """All the same."""
    async with sandbox(faults=given) as running:
        assert await _ask(_agent(running), TWICE, is_streamed=True, choice="auto") == "answered"

    assert [answer.fault for answer in running.answers] == ["text_call", None]


async def test_all_means_every_kind_and_nothing_means_no_fault() -> None:
    """The default is a provider without faults."""
    async with sandbox(faults="all") as running:
        await _ask(_agent(running, hasty=True), JOKE, is_streamed=False, choice="auto")
        assert running.answers[0].fault in FAULTS
    async with sandbox() as running:
        await _ask(_agent(running), JOKE, is_streamed=False, choice="auto")
        assert [answer.fault for answer in running.answers] == [None]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kinds": ["text_cal"]}, "no fault 'text_cal'"),
        ({"rate": 1.5}, "from 0 to 1, not 1.5"),
        ({"times": -1}, "0 or more, not -1"),
        ({"slow_seconds": float("nan")}, "not nan"),
    ],
)
def test_a_plan_that_is_not_possible_is_rejected(fields: dict[str, object], words: str) -> None:
    """The message names the value."""
    with pytest.raises(ConfigError, match=words):
        FaultPlan(**fields)  # type: ignore[arg-type]  # what the test is about
