"""A service on loopback, one for each module of tests, with agents on a model of plain rules."""

from collections.abc import Iterator

import pytest
from anyio.from_thread import start_blocking_portal

from agentkit import Agent, tool
from agentkit.service import ServedAgent, build_service
from agentkit.service.service import Service
from agentkit.service.uvicorn_server import open_port
from tests.service.rule_model import RuleModel


@tool(read_only=True)
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool(approval="ask")
def pay(amount: int) -> str:
    """Pay money."""
    raise AssertionError(f"It must never run here, not even for {amount}.")


@pytest.fixture
def anyio_backend() -> str:
    """Name the event loop: uvicorn and the vendors' clients run on asyncio."""
    return "asyncio"


@pytest.fixture(scope="module")
def model() -> RuleModel:
    """Return the model of all agents of a module."""
    return RuleModel()


@pytest.fixture(scope="module")
def service(model: RuleModel) -> Service:
    """Return the service of a module; it is not open."""
    helper = Agent(model, tools=[add, pay, model.wait], instructions="Be brief.", name="helper")
    return build_service(
        {"helper": ServedAgent(helper, ignore_fields=frozenset({"min_p"})), "plain": Agent(model)},
        first_byte_seconds=0.2,
        ping_seconds=0.1,
        max_body_bytes=100_000,
        max_messages=50,
    )


@pytest.fixture(scope="module")
def url(service: Service) -> Iterator[str]:
    """Serve the service of a module, and return its address."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(open_port(service, port=0)) as running,
    ):
        yield running.url
