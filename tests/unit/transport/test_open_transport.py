"""A resolved model becomes a transport, and the HTTP client is loaded only then."""

import subprocess
import sys

import httpx
import pytest

from agentkit.config.load import resolve_model
from agentkit.config.profile import Auth, ProviderProfile
from agentkit.errors import ConfigError
from agentkit.transport.base_url import parse_address
from agentkit.transport.direct.direct_transport import DirectTransport
from agentkit.transport.httpx_transport import HttpTransport
from agentkit.transport.open_transport import is_direct, open_transport

SANDBOX = resolve_model("sandbox:mixtral-8x22b", environ={})


def test_the_http_client_is_not_loaded_before_a_transport_is_opened() -> None:
    """It costs more to import than all of agentkit."""
    code = (
        "import sys; import agentkit.transport.open_transport, agentkit.config.load; "
        "sys.exit(any(name in sys.modules for name in ('httpx', 'httpcore', 'h11', 'rich')))"
    )

    found = subprocess.run([sys.executable, "-c", code], check=False)  # noqa: S603 - our own code

    assert found.returncode == 0


def test_a_direct_transport_needs_no_http_client() -> None:
    """It costs more to import than all of agentkit."""
    code = (
        "import sys; from agentkit.config.load import resolve_model; "
        "from agentkit.transport.open_transport import open_transport; "
        "open_transport(resolve_model('sandbox:m'), base_url='http://127.0.0.1:1'); "
        "sys.exit(any(name in sys.modules for name in ('httpx', 'httpcore', 'rich')))"
    )

    found = subprocess.run([sys.executable, "-c", code], check=False)  # noqa: S603 - our own code

    assert found.returncode == 0


async def test_a_transport_that_was_never_used_closes_twice() -> None:
    """Closing is safe wherever a run ends."""
    transport = open_transport(SANDBOX, base_url="http://127.0.0.1:1")

    await transport.aclose()
    await transport.aclose()

    assert isinstance(transport, DirectTransport)


@pytest.mark.parametrize(
    ("url", "environ", "expected"),
    [
        ("https://hub.example/v1", {}, True),
        ("https://hub.example/v1", {"HTTPS_PROXY": ""}, True),
        ("https://hub.example/v1", {"http_proxy": "http://proxy"}, True),
        ("https://hub.example/v1", {"HTTPS_PROXY": "http://proxy"}, False),
        ("http://hub.example/v1", {"all_proxy": "http://proxy", "no_proxy": "*"}, False),
        ("http://127.0.0.1:8000/v1", {"all_proxy": "http://proxy"}, True),
        ("http://h\u00fcb.example/v1", {}, False),
    ],
    ids=["plain", "empty", "other scheme", "proxy", "any proxy", "loopback", "not ASCII"],
)
def test_direct_connections_use_our_own_pool(
    url: str, environ: dict[str, str], expected: bool
) -> None:
    """Httpx serves all others."""
    address = parse_address(url, name="h")

    assert is_direct(address, environ=environ, platform="linux") == expected


def test_the_systems_proxy_settings_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here from the environment, as everywhere except on macOS and Windows."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    address = parse_address("https://hub.example", name="h")
    direct = is_direct(address, environ={}, platform="darwin")

    monkeypatch.setenv("https_proxy", "http://proxy")

    assert (direct, is_direct(address, environ={}, platform="darwin")) == (True, False)


async def test_httpx_serves_indirect_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first exchange loads it."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    transport = open_transport(SANDBOX, base_url="https://hub.example")
    await transport.aclose()

    assert isinstance(transport, HttpTransport)


async def test_a_users_own_client_stays_open() -> None:
    """Its owner closes it."""
    async with httpx.AsyncClient() as client:
        transport = open_transport(SANDBOX, base_url="http://127.0.0.1:1", client=client)
        await transport.aclose()

        assert not client.is_closed


def test_an_object_of_another_type_is_rejected_as_a_client() -> None:
    """A blocking client would stop every run."""
    with httpx.Client() as client, pytest.raises(ConfigError, match=r"AsyncClient, not a Client"):
        open_transport(SANDBOX, base_url="http://127.0.0.1:1", client=client)


@pytest.mark.parametrize(
    ("base_url", "complaint"),
    [
        (None, "'sandbox' has no base URL"),
        ("gpu:9", "base URL of 'sandbox' cannot be used"),
        ("http://1.2.3.400", "base URL of 'sandbox' cannot be used"),
        ("http://-\u00fc.example", "base URL of 'sandbox' cannot be used"),
    ],
)
def test_an_unusable_base_url_is_rejected(base_url: str | None, complaint: str) -> None:
    """Before anything is sent."""
    with pytest.raises(ConfigError, match=complaint):
        open_transport(SANDBOX, base_url=base_url)


@pytest.mark.parametrize(
    "headers",
    [{"x-team": "geheim\r\nx-more: 1"}, {"x-team": "gehéim"}, {"x team": "geheim"}],
    ids=["two lines", "not ASCII", "name"],
)
def test_an_invalid_header_is_rejected_without_its_value(headers: dict[str, str]) -> None:
    """The HTTP client's own message would repeat it."""
    provider = ProviderProfile(
        name="a", title="A", base_url="http://a", auth=Auth(kind="none"), headers=headers
    )

    with pytest.raises(ConfigError, match="of 'a' cannot be sent") as caught:
        HttpTransport(provider)

    assert "geh" not in str(caught.value)
