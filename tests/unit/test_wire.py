"""Requests, and the heads of responses."""

import pytest

from agentkit.wire import WireHead, WireRequest


@pytest.mark.parametrize(
    ("headers", "expected"),
    [({}, None), ({"x-request-id": "r1", "cf-ray": "c"}, "r1"), ({"cf-ray": "c"}, "c")],
)
def test_the_request_id_is_read_from_the_headers(
    headers: dict[str, str], expected: str | None
) -> None:
    """The most specific header wins."""
    assert WireHead(status=200, headers=headers).request_id == expected


def test_success_and_event_streams_are_read_from_status_and_content_type() -> None:
    """Case and parameters of the content type do not matter."""
    stream = WireHead(status=200, headers={"content-type": "Text/Event-Stream; charset=utf-8"})

    assert stream.is_success
    assert stream.is_event_stream
    assert not WireHead(status=302).is_success
    assert not WireHead(status=199).is_success
    assert not WireHead(status=200).is_event_stream


def test_a_request_with_more_headers_is_otherwise_the_same() -> None:
    """A header of the same name is replaced, and the first request is unchanged."""
    request = WireRequest(
        path="/chat", body=b"{}", method="PUT", headers={"a": "1", "b": "1"}, stream=True
    )

    assert request.with_headers({"b": "2", "c": "2"}) == WireRequest(
        path="/chat",
        body=b"{}",
        method="PUT",
        headers={"a": "1", "b": "2", "c": "2"},
        stream=True,
    )
    assert request.headers == {"a": "1", "b": "1"}
