"""A URL has one meaning for each of its parts."""

import pytest

from agentkit.transport.guarded.web_address import WebAddressError, parse_web_address

ADDRESSES = {
    "https://Example.COM": "https://example.com/",
    "http://example.com:80/a?b=c#d": "http://example.com/a?b=c",
    "https://example.com:8443/a b".replace(" ", "%20"): "https://example.com:8443/a%20b",
    "https://bücher.example/ü?q=ä": "https://xn--bcher-kva.example/%C3%BC?q=%C3%A4",
    "https://example.com./x": "https://example.com/x",
    "https://[2606:4700::1111]/x": "https://[2606:4700::1111]/x",
    "https://example.com?q=[1]": "https://example.com/?q=[1]",
}


@pytest.mark.parametrize(("text", "url"), ADDRESSES.items())
def test_a_url_has_one_form(text: str, url: str) -> None:
    """In ASCII, without a fragment and without the port of its scheme."""
    assert parse_web_address(text).url == url


@pytest.mark.parametrize(
    "text", ["https://exa mple.com/", "https://" + "a" * 5_000, "https://a..b-/", "https://\u2024/"]
)
def test_other_text_is_an_error(text: str) -> None:
    """In one sentence."""
    with pytest.raises(WebAddressError):
        parse_web_address(text)
