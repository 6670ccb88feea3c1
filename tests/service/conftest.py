"""A service on loopback, one for each module of tests, with agents on a model of plain rules."""

import socket
from collections.abc import AsyncIterator, Iterator
from importlib import import_module
from typing import Any, cast

import anyio
import pytest
from anyio.from_thread import start_blocking_portal
from hypercorn.asyncio import serve
from hypercorn.config import Config

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


@pytest.fixture
async def client(url: str) -> AsyncIterator[Any]:
    """Return OpenAI's own client, which neither retries nor forgives."""
    chat_client = import_module("tests.service.chat_client")  # skips if the client is missing
    async with chat_client.open_client(url) as client:
        yield client


@pytest.fixture(scope="module")
def model() -> RuleModel:
    """Return the model of all agents of a module."""
    return RuleModel()


@pytest.fixture(scope="module")
def service(model: RuleModel) -> Service:
    """Return the service of a module; it is not open."""
    return helper_service(model)


def helper_service(model: RuleModel) -> Service:
    """Return a service; it is not open."""
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


@pytest.fixture(scope="module")
def hypercorn_url(model: RuleModel) -> Iterator[str]:
    """Serve the same agents with another ASGI server, and return its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.loglevel = "CRITICAL"
    config.graceful_timeout = 1
    with start_blocking_portal() as portal:
        stop = portal.call(anyio.Event)

        async def run() -> None:
            await serve(cast(Any, helper_service(model)), config, shutdown_trigger=stop.wait)

        running = portal.start_task_soon(run)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        portal.call(stop.set)
        running.result(60)
    listener.detach()


@pytest.fixture(params=["uvicorn", "hypercorn"])
def server_url(request: pytest.FixtureRequest) -> str:
    """Return the address of the same service on each server."""
    name = "url" if request.param == "uvicorn" else "hypercorn_url"
    return str(request.getfixturevalue(name))
