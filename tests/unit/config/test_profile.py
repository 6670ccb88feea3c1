"""Which values a profile may and may not have."""

from decimal import Decimal

import pytest

from agentkit.config.profile import (
    Auth,
    ModelProfile,
    ProviderProfile,
    check_base_url,
)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/v1/", "https://a.example/v1"),
        ("  http://localhost:8000/v1  ", "http://localhost:8000/v1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("", ""),
    ],
)
def test_a_base_url_is_kept_without_a_slash_at_its_end(url: str, expected: str) -> None:
    """A dialect's path begins with the slash."""
    profile = ProviderProfile(name="a", title="A", base_url=url)

    assert profile.base_url == expected


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("ftp://a.example", "begins with http"),
        ("localhost:8000/v1", "begins with http"),
        ("https://", "begins with http"),
        ("https://a.example/v1?key=1", "ends before them"),
        ("https://a.example/v1#top", "ends before them"),
        ("https://[broken", "Invalid IPv6"),
        ("https://a b.example", "begins with http"),
        ("https://a.example:0/v1", "names port 0"),
        ("https://a.example:99999/v1", "Port out of range"),
        ("https://a.example:http/v1", "Port could not be cast"),
    ],
)
def test_an_address_that_is_not_a_base_url_is_refused(url: str, complaint: str) -> None:
    """The error comes before anything is sent."""
    with pytest.raises(ValueError, match=complaint):
        check_base_url(url)


@pytest.mark.parametrize("url", ["https://me:geheim@a.example", "https://geheim@a.example"])
def test_an_address_with_a_password_is_refused_and_not_repeated(url: str) -> None:
    """Addresses are logged; passwords must not be."""
    with pytest.raises(ValueError, match="no password") as caught:
        check_base_url(url)

    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("kind", ["header", "body"])
def test_a_key_in_a_header_or_body_needs_a_name(kind: str) -> None:
    """There is no default for it."""
    with pytest.raises(ValueError, match=f"A key in a {kind} needs"):
        Auth(kind=kind, name=" ")  # type: ignore[arg-type]  # one of two literals


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"id": ""}, "a family and an id"),
        ({"family": ""}, "a family and an id"),
        ({"context_window_tokens": 0}, "1 token or more, not 0"),
        ({"input_usd_per_million": Decimal(-1)}, "0 or more, not -1"),
        ({"output_usd_per_million": Decimal("NaN")}, "0 or more, not NaN"),
    ],
    ids=["id", "family", "window", "price", "nan"],
)
def test_an_invalid_model_profile_is_refused(fields: dict[str, object], complaint: str) -> None:
    """A value that exists is valid."""
    given = {"family": "a", "id": "a", **fields}

    with pytest.raises(ValueError, match=complaint):
        ModelProfile(**given)  # type: ignore[arg-type]  # the cases carry the types
