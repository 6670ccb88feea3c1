"""A base URL is split once, or rejected with a message."""

import pytest

from agentkit.errors import ConfigError
from agentkit.transport.base_url import parse_address


@pytest.mark.parametrize(
    ("url", "netloc", "port", "path", "is_secure"),
    [
        ("https://Hub.Example/api/v1/", "hub.example", 443, "/api/v1", True),
        ("http://hub.example:8080", "hub.example:8080", 8080, "", False),
        ("https://hub.example:443", "hub.example", 443, "", True),
        ("http://[::1]:80/v1", "[::1]", 80, "/v1", False),
    ],
)
def test_a_base_url_is_split_into_parts(
    url: str, netloc: str, port: int, path: str, is_secure: bool
) -> None:
    """The Host header has the port only if it is not the default one."""
    address = parse_address(url, name="h")

    found = (address.netloc, address.port, address.path, address.is_secure)
    assert found == (netloc, port, path, is_secure)
    assert address.origin == f"{'https' if is_secure else 'http'}://{netloc}"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("api.localhost", True),
        ("127.9.9.9", True),
        ("[::1]", True),
        ("10.0.0.1", False),
        ("localhost.example", False),
    ],
)
def test_loopback_addresses_are_recognized(host: str, expected: bool) -> None:
    """No proxy can reach them."""
    assert parse_address(f"http://{host}:1", name="h").is_loopback == expected


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("", "has no base URL"),
        ("gpu:9", "cannot be used"),
        ("http://1.2.3.400", "cannot be used"),
        ("http://h:99999", "cannot be used"),
    ],
)
def test_an_invalid_base_url_is_rejected(url: str, complaint: str) -> None:
    """With the name of its provider."""
    with pytest.raises(ConfigError, match=f"'h' {complaint}|of 'h' {complaint}"):
        parse_address(url, name="h")
