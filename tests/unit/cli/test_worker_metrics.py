"""The metrics of a worker, at an address of their own."""

import socket
from urllib.request import urlopen

import anyio
import anyio.to_thread
import pytest

from agentkit import Agent
from agentkit.cli.worker_metrics import parse_address, serve_metrics
from agentkit.durable import open_runs
from agentkit.errors import ConfigError
from agentkit.testing import ScriptedModel


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("127.0.0.1:9464", ("127.0.0.1", 9464)),
        ("9464", ("127.0.0.1", 9464)),
        (":0", ("127.0.0.1", 0)),
        ("[::1]:9464", ("::1", 9464)),
        ("metrics.example:80", ("metrics.example", 80)),
    ],
)
def test_an_address_is_read(text: str, found: tuple[str, int]) -> None:
    """Loopback if it is a port alone."""
    assert parse_address(text) == found


@pytest.mark.parametrize("text", ["", "x", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:70000"])
def test_another_text_is_refused(text: str) -> None:
    """With an example."""
    with pytest.raises(ConfigError, match=r"write HOST:PORT, e\.g\. 127\.0\.0\.1:9464"):
        parse_address(text)


async def test_a_port_that_is_taken_is_an_error() -> None:
    """With its address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigError, match=f"cannot be served at '{address}'"):
            async with serve_metrics(address, []):
                pass


async def test_the_queue_is_served(sqlite_url: str) -> None:
    """And nothing after the end."""
    agent = Agent(ScriptedModel("Hi!"))
    async with (
        serve_metrics("127.0.0.1:0", [agent]) as (url, keep_reading),
        open_runs(sqlite_url) as runs,
        anyio.create_task_group() as tasks,
    ):
        await runs.start("a", "Hello")
        tasks.start_soon(keep_reading, runs)
        text = ""
        with anyio.fail_after(30):
            while 'agentkit_queue_runs{agent="a",status="queued"} 1.0' not in text:
                text = await anyio.to_thread.run_sync(_get, url)
        tasks.cancel_scope.cancel()

    with pytest.raises(OSError, match="refused"):
        _get(url)


def _get(url: str) -> str:
    with urlopen(url, timeout=10) as response:  # noqa: S310 - on loopback
        body: bytes = response.read()
    return body.decode()
