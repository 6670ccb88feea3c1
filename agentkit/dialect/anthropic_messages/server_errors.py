"""Write errors, counts of tokens and lists of models in the Anthropic format.

In:  what is wrong, and the HTTP status it is sent with; a count; the ids of models.
Out: JSON bodies.

The format is https://docs.anthropic.com/en/api/errors, .../messages-count-tokens and
.../models-list.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from agentkit.dialect.event_stream import StreamEvent
from agentkit.dialect.received_request import InvalidRequestError
from agentkit.json_schema import JsonValue

_TYPES: Mapping[int, str] = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def encode_messages_error(
    message: str, *, status: int, request_id: str | None = None
) -> dict[str, JsonValue]:
    """Return the body of an error.

    Args:
        message: what is wrong, for a person.
        status: the HTTP status; the error's type follows from it.
        request_id: the id of the request, if it has one.
    """
    default = "api_error" if status >= 500 else "invalid_request_error"
    error: JsonValue = {"type": _TYPES.get(status, default), "message": message}
    named: dict[str, JsonValue] = {} if request_id is None else {"request_id": request_id}
    return {"type": "error", "error": error, **named}


def encode_error_event(message: str, *, status: int) -> StreamEvent:
    """Return the event that ends a stream which failed."""
    return StreamEvent(name="error", data=encode_messages_error(message, status=status))


def describe_invalid_request(error: InvalidRequestError) -> str:
    """Return the message of an error; the format has no field for the parameter."""
    place = error.dotted_param
    return error.reason if place is None else f"{place}: {error.reason}"


def encode_token_count(count: int) -> dict[str, JsonValue]:
    """Return the answer to a request that asks for the number of its tokens."""
    return {"input_tokens": count}


def encode_messages_models(names: Sequence[str], *, created: datetime) -> dict[str, JsonValue]:
    """Return the list of the models that a server offers, as one page."""
    models: list[JsonValue] = [encode_messages_model(name, created=created) for name in names]
    return {
        "data": models,
        "has_more": False,
        "first_id": names[0] if names else None,
        "last_id": names[-1] if names else None,
    }


def encode_messages_model(name: str, *, created: datetime) -> dict[str, JsonValue]:
    """Return one model; `created` is an aware moment."""
    return {
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": created.isoformat().replace("+00:00", "Z"),
        "lifecycle": "active",
    }
