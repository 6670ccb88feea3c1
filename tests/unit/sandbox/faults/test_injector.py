"""Every misbehaviour, once: it happens where it fits, and an agent lives through it."""

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
# What comes to an error, whatever is done about it: a limit's cut is not asked for again.
FATAL = {"cut_by_limit", "cut_unreported", "status_401", "status_402"}


@tool(read_only=True)
def population(city: str) -> int:
    """Tell the population of a city, how many people live there.

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
async def test_a_misbehaviour_happens_and_a_run_lives_through_it(name: str) -> None:
    """Whole or streamed, with calls or without: one of these it fits."""
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


async def test_in_order_each_kind_has_its_turn_and_then_the_first_again() -> None:
    """Those that do not fit an answer wait for one that they fit."""
    plan = FaultPlan(kinds=["status_503", "text_call", "empty"], sequential=True, times=4)
    async with sandbox(faults=plan) as running:
        await _ask(_agent(running), TWICE, is_streamed=False, choice="auto")

        deeds = [answer.fault for answer in running.answers]
    assert deeds[:4] == ["status_503", "text_call", "empty", "status_503"]
    assert set(deeds[4:]) == {None}
    assert [call.name for call in running.answers[1].intended.calls] == ["population"] * 2


async def test_the_same_seed_is_the_same_misbehaviour() -> None:
    """Another seed is another one, and a rate leaves some answers honest."""

    async def deeds(seed: int) -> list[str | None]:
        plan = FaultPlan(kinds=["text_call*", "ids*", "arguments_re*"], seed=seed, rate=0.5)
        async with sandbox(faults=plan) as running:
            agent = _agent(running)
            for city in ("Oslo", "Bergen", "Rome", "Paris"):
                question = f"What is the population of {city}?"
                await _ask(agent, question, is_streamed=False, choice="auto")
            return [answer.fault for answer in running.answers]

    first = await deeds(5)

    assert first == await deeds(5)
    assert first != await deeds(6)
    assert None in first[::2]
    assert len(set(first)) > 1


@pytest.mark.parametrize("wish", ["text_call", ["text_call"], FaultPlan(kinds=["text_call"])])
async def test_a_wish_may_be_a_name_some_names_or_a_plan(wish: str | list[str] | FaultPlan) -> None:
    """All the same."""
    async with sandbox(faults=wish) as running:
        assert await _ask(_agent(running), TWICE, is_streamed=True, choice="auto") == "answered"

    assert [answer.fault for answer in running.answers] == ["text_call", None]


async def test_all_is_every_kind_and_no_wish_is_none() -> None:
    """So is a provider that nobody asked to misbehave."""
    async with sandbox(faults="all") as running:
        await _ask(_agent(running, hasty=True), JOKE, is_streamed=False, choice="auto")
        assert running.answers[0].fault in FAULTS
    async with sandbox() as running:
        await _ask(_agent(running), JOKE, is_streamed=False, choice="auto")
        assert [answer.fault for answer in running.answers] == [None]


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"kinds": ["text_cal"]}, "no fault 'text_cal'"),
        ({"rate": 1.5}, "from 0 to 1, not 1.5"),
        ({"times": -1}, "0 or more, not -1"),
        ({"slow_seconds": float("nan")}, "not nan"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(facts: dict[str, object], told: str) -> None:
    """With what was given."""
    with pytest.raises(ConfigError, match=told):
        FaultPlan(**facts)  # type: ignore[arg-type]  # what the test is about
