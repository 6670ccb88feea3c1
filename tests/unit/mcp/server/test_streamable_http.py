"""Where an HTTP server may listen, before it does."""

import pytest

from agentkit import ConfigError
from agentkit.mcp.server.mcp_server import build_server
from agentkit.mcp.server.streamable_http import HttpOptions, open_http


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"host": "0.0.0.0"}, "can be reached from other machines"),  # noqa: S104 - refused
        ({"host": "example.com"}, "give a token, or bind to 127.0.0.1"),
        ({"host": "::", "token": "t"}, "say by which names"),
        ({"token": " \n"}, "The token is empty"),
        ({"host": "192.0.2.1", "token": "t", "port": 0}, "Cannot listen on 192.0.2.1:0"),
    ],
    ids=["all without token", "name without token", "all without names", "empty", "not ours"],
)
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_what_is_not_safe_or_not_possible_is_told(options: HttpOptions, told: str) -> None:
    """Before a port is open."""
    with pytest.raises(ConfigError, match=told):
        async with open_http(build_server(), **options):
            raise AssertionError


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_http_is_served_on_asyncio_only() -> None:
    """As uvicorn is."""
    with pytest.raises(ConfigError, match="on asyncio only"):
        async with open_http(build_server()):
            raise AssertionError
