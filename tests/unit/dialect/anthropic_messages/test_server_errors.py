"""Errors, counts and lists of models in the Anthropic format."""

from datetime import UTC, datetime

import pytest

from agentkit.dialect.anthropic_messages.dialect import AnthropicMessages
from agentkit.dialect.anthropic_messages.server_errors import (
    describe_invalid_request,
    encode_error_event,
    encode_messages_error,
    encode_messages_models,
    encode_token_count,
)
from agentkit.dialect.event_stream import encode_event
from agentkit.dialect.received_request import InvalidRequestError
from agentkit.errors import StatusError
from tests.unit.dialect.answers import STREAM

CREATED = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (404, "not_found_error"),
        (413, "request_too_large"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (529, "overloaded_error"),
    ],
)
def test_the_type_of_an_error_follows_from_its_status(status: int, kind: str) -> None:
    """Clients choose the class of their exception by it."""
    assert encode_messages_error("Wrong.", status=status, request_id="req_1") == {
        "type": "error",
        "error": {"type": kind, "message": "Wrong."},
        "request_id": "req_1",
    }


def test_a_request_that_cannot_be_read_names_its_parameter() -> None:
    """In the message: there is no field for it."""
    error = InvalidRequestError("it is too long", path=("messages", 0, "content"))
    without_parameter = InvalidRequestError("The body is not JSON.")

    assert describe_invalid_request(error) == "messages.0.content: it is too long"
    assert describe_invalid_request(without_parameter) == "The body is not JSON."


def test_agentkits_client_recognises_the_error_inside_a_stream() -> None:
    """After the status was sent."""
    data = encode_event(encode_error_event("The model failed.", status=500))

    with pytest.raises(StatusError, match=r"The model failed\."):
        AnthropicMessages().decoder(STREAM).feed(data)


def test_tokens_and_models_are_encoded() -> None:
    """The list is one page; an empty one has no first and last id."""
    listed = encode_messages_models(["a", "b"], created=CREATED)

    assert encode_token_count(7) == {"input_tokens": 7}
    assert listed == {
        "data": [
            {
                "type": "model",
                "id": name,
                "display_name": name,
                "created_at": "2026-01-01T00:00:00Z",
                "lifecycle": "active",
            }
            for name in ("a", "b")
        ],
        "has_more": False,
        "first_id": "a",
        "last_id": "b",
    }
    assert encode_messages_models([], created=CREATED)["first_id"] is None
