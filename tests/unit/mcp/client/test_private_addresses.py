"""Requests to private addresses that a server's metadata names."""

import socket
from typing import Any

import anyio
import httpx2
import pytest

from agentkit.mcp.client.private_addresses import (
    PrivateAddressError,
    is_private,
    refuse_private_addresses,
)

NAMES = {
    "mcp.example.com": "93.184.216.34",
    "login.example.com": "93.184.216.35",
    "rebound.example.com": "10.0.0.1",
    "localhost": "127.0.0.1",
    "test-server": "192.168.0.5",
    "2130706433": "127.0.0.1",
}


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    async def getaddrinfo(host: str, port: int, **_: Any) -> Any:
        if host not in NAMES:
            raise OSError
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (NAMES[host], port))]

    monkeypatch.setattr(anyio, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr("agentkit.mcp.client.private_addresses.getproxies", dict)


async def checked(server: str, url: str) -> httpx2.Request:
    """Return a request that passed the check."""
    request = httpx2.Request("GET", url)
    await refuse_private_addresses(server)(request)
    return request


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "0.0.0.0",  # noqa: S104  # only classified
        "100.64.0.1",
    ],
)
def test_an_address_that_is_not_public_is_private(address: str) -> None:
    """Loopback, private networks, link-local ones of clouds, also written as IPv6."""
    assert is_private(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    """In both families."""
    assert not is_private(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9200/_search",
        "http://[::1]/",
        "http://169.254.169.254/latest/meta-data",
        "https://localhost/",
        "https://rebound.example.com/token",
        "http://2130706433/",
    ],
)
async def test_a_public_server_cannot_name_a_private_address(url: str) -> None:
    """By number or by name."""
    with pytest.raises(PrivateAddressError, match="is a private address; no request was sent"):
        await checked("https://mcp.example.com/mcp", url)


async def test_a_server_on_a_private_address_may_name_others() -> None:
    """In a test deployment, its authorization server has one too."""
    for server in ("http://localhost:8000/mcp", "http://test-server/mcp"):
        request = await checked(server, "http://127.0.0.1:9000/token")

        assert request.url == "http://127.0.0.1:9000/token"


async def test_the_server_itself_is_never_refused() -> None:
    """Its user chose it."""
    assert (await checked("http://test-server/mcp", "http://test-server/x")).extensions == {}


async def test_a_request_goes_to_the_address_that_was_checked() -> None:
    """A second look-up could give another one."""
    request = await checked("https://mcp.example.com/mcp", "https://login.example.com/token?a=1")

    assert request.url == "https://93.184.216.35/token?a=1"
    assert request.headers["host"] == "login.example.com"
    assert request.extensions["sni_hostname"] == "login.example.com"


async def test_other_schemes_are_refused() -> None:
    """A file is no metadata."""
    with pytest.raises(PrivateAddressError, match="is not http or https"):
        await checked("https://mcp.example.com/mcp", "ftp://example.com/x")


async def test_a_name_that_does_not_exist_is_left_to_the_connection() -> None:
    """Which has a better error."""
    assert (await checked("https://mcp.example.com/", "https://gone.example/")).extensions == {}


async def test_behind_a_proxy_only_numbers_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks names up itself."""
    monkeypatch.setattr(
        "agentkit.mcp.client.private_addresses.getproxies", lambda: {"https": "http://proxy"}
    )
    server = "https://mcp.example.com/"

    assert (await checked(server, "https://rebound.example.com/")).extensions == {}
    for url in ("https://127.0.0.1/", "https://localhost/"):
        with pytest.raises(PrivateAddressError):
            await checked(server, url)
