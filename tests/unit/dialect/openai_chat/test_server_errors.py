"""Errors and lists of models in the OpenAI format."""

import pytest

from agentkit.dialect.openai_chat.server_errors import (
    encode_chat_error,
    encode_models,
)
from agentkit.dialect.provider_errors import error_in_answer
from agentkit.dialect.received_request import InvalidRequestError
from agentkit.wire import WireHead


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (404, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "server_error"),
        (503, "server_error"),
    ],
)
def test_the_type_of_an_error_follows_from_its_status(status: int, kind: str) -> None:
    """Clients choose the class of their exception by it."""
    assert encode_chat_error("Wrong.", status=status, code="c", param="p") == {
        "error": {"message": "Wrong.", "type": kind, "param": "p", "code": "c"}
    }


def test_a_request_that_cannot_be_read_names_its_parameter() -> None:
    """In the message too, for people."""
    error = InvalidRequestError("it is too long", path=("messages", 0, "content"))

    assert encode_chat_error(str(error), status=400, code=error.code, param=error.param) == {
        "error": {
            "message": "messages[0].content: it is too long",
            "type": "invalid_request_error",
            "param": "messages[0].content",
            "code": "invalid_value",
        }
    }


def test_agentkits_client_recognises_the_error_inside_a_stream() -> None:
    """After the status was sent."""
    found = error_in_answer(
        encode_chat_error("The model failed.", status=500), WireHead(status=200)
    )

    assert found is not None
    assert "The model failed." in str(found)


def test_models_are_listed() -> None:
    """In their order."""
    assert encode_models(["a", "b"], created=7) == {
        "object": "list",
        "data": [
            {"id": "a", "object": "model", "created": 7, "owned_by": "agentkit"},
            {"id": "b", "object": "model", "created": 7, "owned_by": "agentkit"},
        ],
    }
