"""Write errors and lists of models in the OpenAI format.

In:  what is wrong, and the HTTP status it is sent with; the ids of models.
Out: JSON bodies.

The format is https://platform.openai.com/docs/guides/error-codes and .../api-reference/models.
"""

from collections.abc import Iterable, Mapping

from agentkit.json_schema import JsonValue

_TYPES: Mapping[int, str] = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    409: "conflict_error",
    429: "rate_limit_error",
}


def encode_chat_error(
    message: str,
    *,
    status: int,
    kind: str | None = None,
    code: str | None = None,
    param: str | None = None,
) -> dict[str, JsonValue]:
    """Return the body of an error; in a stream it is the last event, without `[DONE]` after it.

    Args:
        message: what is wrong, for a person.
        status: the HTTP status.
        kind: the error's type; None for the one that follows from the status.
        code: what is wrong, for a program, e.g. `model_not_found`.
        param: the parameter that is wrong.
    """
    default = "server_error" if status >= 500 else "invalid_request_error"
    error: JsonValue = {
        "message": message,
        "type": kind or _TYPES.get(status, default),
        "param": param,
        "code": code,
    }
    return {"error": error}


def encode_models(
    names: Iterable[str], *, created: int, owner: str = "agentkit"
) -> dict[str, JsonValue]:
    """Return the list of the models that a server offers."""
    models: list[JsonValue] = [encode_model(one, created=created, owner=owner) for one in names]
    return {"object": "list", "data": models}


def encode_model(name: str, *, created: int, owner: str = "agentkit") -> dict[str, JsonValue]:
    """Return one model.

    Args:
        name: its id.
        created: seconds since 1970.
        owner: who offers it.
    """
    return {"id": name, "object": "model", "created": created, "owned_by": owner}
