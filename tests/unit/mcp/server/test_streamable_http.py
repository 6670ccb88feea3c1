"""Where an HTTP server may listen, before it does."""

import pytest

from agentkit import ConfigError
from agentkit.mcp.server.mcp_server import build_server
from agentkit.mcp.server.streamable_http import HttpOptions, open_http


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"host": "0.0.0.0"}, "can be reached from other machines"),  # noqa: S104 - refused
        ({"host": "example.com"}, "set a token, or bind to 127.0.0.1"),
        ({"host": "::", "token": "t"}, "list the host names"),
        ({"token": " \n"}, "The token is empty"),
        ({"host": "192.0.2.1", "token": "t", "port": 0}, "Cannot listen on 192.0.2.1:0"),
    ],
    ids=["all without token", "name without token", "all without names", "empty", "not ours"],
)
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_an_unsafe_or_impossible_address_is_a_config_error(
    options: HttpOptions, message: str
) -> None:
    """Before a port is open."""
    with pytest.raises(ConfigError, match=message):
        async with open_http(build_server(), **options):
            raise AssertionError


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_http_is_served_on_asyncio_only() -> None:
    """Since uvicorn does not run on Trio."""
    with pytest.raises(ConfigError, match="on asyncio only"):
        async with open_http(build_server()):
            raise AssertionError
