"""Errors of providers, in every form, become one typed error."""

import json
from datetime import UTC, datetime

import pytest

from agentkit.dialect.provider_errors import error_in_answer, retry_after_seconds, status_error
from agentkit.errors import ErrorKind, Retry
from agentkit.wire import WireHead

ROLE = "Unexpected role 'user' after role 'tool'"


def routed(raw: object, code: int = 400) -> dict[str, object]:
    """Return a router's error around that of its upstream."""
    metadata = {"raw": raw, "provider_name": "Mistral"}
    return {"error": {"message": "Provider returned error", "code": code, "metadata": metadata}}


@pytest.mark.parametrize(
    ("status", "body", "kind", "retry", "said"),
    [
        pytest.param(
            401,
            {"error": {"message": "No auth credentials found", "code": 401}},
            "auth",
            "never",
            "No auth credentials found",
            id="no key",
        ),
        pytest.param(403, {"message": "Forbidden"}, "auth", "never", "Forbidden", id="403"),
        pytest.param(
            403,
            {"error": {"message": "Your input was flagged", "code": 403}},
            "content_filter",
            "never",
            "flagged",
            id="moderation",
        ),
        pytest.param(
            402,
            {"error": {"message": "This request requires more credits", "code": 402}},
            "insufficient_credits",
            "never",
            "credits",
            id="credits",
        ),
        pytest.param(
            429,
            {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}},
            "insufficient_credits",
            "never",
            "quota",
            id="a quota is no rate",
        ),
        pytest.param(
            429,
            {"object": "error", "message": "Requests rate limit exceeded", "code": "1300"},
            "rate_limit",
            "same",
            "rate limit",
            id="rate limit",
        ),
        pytest.param(
            422,
            {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]},
            "invalid_request",
            "change",
            "body.seed: Extra inputs are not permitted",
            id="detail list",
        ),
        pytest.param(
            422, {"detail": "wrong"}, "invalid_request", "change", "wrong", id="detail text"
        ),
        pytest.param(
            422,
            {"object": "error", "message": {"detail": [{"loc": ["body", "user"], "msg": "Extra"}]}},
            "invalid_request",
            "change",
            "body.user: Extra",
            id="an object as message",
        ),
        pytest.param(
            422,
            {"object": "error", "message": '{"detail": [{"loc": ["body", "n"], "msg": "Extra"}]}'},
            "invalid_request",
            "change",
            "body.n: Extra",
            id="JSON text as message",
        ),
        pytest.param(
            400,
            {"object": "Error", "detail": ["tools is empty"], "message": ["bad"], "code": 3001},
            "invalid_request",
            "change",
            "tools is empty",
            id="lists of texts",
        ),
        pytest.param(
            400,
            {"error": {"message": ROLE, "type": "BadRequestError", "code": 400}},
            "invalid_request",
            "change",
            ROLE,
            id="order of roles",
        ),
        pytest.param(
            500,
            {"error": {"code": 500, "message": "Jinja Exception: roles must alternate"}},
            "invalid_request",
            "change",
            "must alternate",
            id="a template that refuses, as a 500",
        ),
        pytest.param(
            400,
            {"error": "model does not support tools"},
            "tools_unsupported",
            "change",
            "support tools",
            id="a plain text",
        ),
        pytest.param(
            400,
            {"object": "error", "message": '"auto" tool choice requires --enable-auto-tool-choice'},
            "tools_unsupported",
            "change",
            "--enable-auto-tool-choice",
            id="a server without a tool parser",
        ),
        pytest.param(
            400,
            {"error": {"message": "Failed to call a function.", "code": "tool_use_failed"}},
            "tool_generation_failed",
            "same",
            "Failed to call",
            id="a generation that failed",
        ),
        pytest.param(
            400,
            {"error": {"message": "odd", "failed_generation": "<function"}},
            "tool_generation_failed",
            "same",
            "odd",
            id="a generation that is shown",
        ),
        pytest.param(
            400, routed(json.dumps({"message": ROLE})), "invalid_request", "change", ROLE, id="raw"
        ),
        pytest.param(
            400,
            routed('{"error": {"code": 429, "message": "busy"}}'),
            "rate_limit",
            "same",
            "busy",
            id="a 400 around a 429",
        ),
        pytest.param(
            502,
            routed('{"error": {"code": 400, "message": "bad field"}}', 502),
            "invalid_request",
            "change",
            "bad field",
            id="a 502 around a 400",
        ),
        pytest.param(
            429,
            routed('{"error": {"code": 400, "message": "busy"}}', 429),
            "rate_limit",
            "same",
            "busy",
            id="a 429 is meant, whatever is inside",
        ),
        pytest.param(
            429, routed("upstream busy", 429), "rate_limit", "same", "upstream busy", id="raw text"
        ),
        pytest.param(
            500, "Internal Server Error", "server", "same", "Internal Server Error", id="plain text"
        ),
        pytest.param(
            502,
            "<html><head><script>x()</script></head><body>Bad   gateway</body></html>",
            "server",
            "same",
            "Bad gateway",
            id="HTML",
        ),
        pytest.param(503, "<br>", "server", "same", "an HTML page", id="HTML without words"),
        pytest.param(529, {"error": {"type": "overloaded_error"}}, "server", "same", "", id="529"),
        pytest.param(408, {"error": "slow"}, "server", "same", "slow", id="408"),
        pytest.param(404, {"error": "no such model"}, "invalid_request", "change", "", id="404"),
        pytest.param(500, "", "server", "same", "no message", id="nothing"),
        pytest.param(500, "[" * 100_000, "server", "same", "", id="brackets without end"),
        pytest.param(500, '{"error": 1', "server", "same", "error", id="half JSON"),
        pytest.param(500, {"error": '{"half'}, "server", "same", "half", id="half JSON inside"),
        pytest.param(
            500,
            {"error": {"error": {"error": {"error": {"error": {"error": {"error": "x"}}}}}}},
            "server",
            "same",
            "no message",
            id="nested without end",
        ),
        pytest.param(
            500, {"errors": [{"type": "x"}, 3, "y"]}, "server", "same", "x; y", id="a list"
        ),
    ],
)
def test_a_refusal_gets_its_kind_and_retry(
    status: int, body: object, kind: ErrorKind, retry: Retry, said: str
) -> None:
    """And the innermost message, whatever is around it."""
    raw = body if isinstance(body, str) else json.dumps(body)

    error = status_error(WireHead(status=status), raw.encode())

    assert (error.kind, error.retry) == (kind, retry)
    assert said in str(error)
    assert error.status is not None
    assert error.status >= 400


@pytest.mark.parametrize(
    ("value", "kind", "retry"),
    [
        pytest.param({"error": {"message": "x", "code": 429}}, "rate_limit", "same", id="429"),
        pytest.param({"error": {"message": "x", "code": "502"}}, "server", "same", id="text code"),
        pytest.param(
            {"object": "error", "message": "x", "code": 400}, "invalid_request", "change", id="vLLM"
        ),
        pytest.param(
            {"type": "error", "error": {"type": "overloaded_error"}}, "server", "same", id="typed"
        ),
        pytest.param(
            {"status": "error", "message": "Invalid API key"}, "auth", "never", id="no status: key"
        ),
        pytest.param(
            {"status": "error", "message": "Too many requests"},
            "rate_limit",
            "same",
            id="no status: rate",
        ),
        pytest.param(
            {"status": "error", "message": "model_id is required"},
            "invalid_request",
            "change",
            id="no status: request",
        ),
        pytest.param(
            {"status": "error", "message": "not enough credits"},
            "insufficient_credits",
            "never",
            id="no status: credits",
        ),
        pytest.param({"error": "server_error"}, "server", "same", id="no status: server"),
        pytest.param({"error": "hm"}, "server", "same", id="no status: unknown words"),
        pytest.param({"detail": "Overloaded"}, "server", "same", id="detail"),
    ],
)
def test_an_error_inside_a_success_is_found(value: object, kind: ErrorKind, retry: Retry) -> None:
    """The status is 200; the codes and messages in the body decide."""
    error = error_in_answer(value, WireHead(status=200, headers={"x-request-id": "r1"}))

    assert error is not None
    assert (error.kind, error.retry, error.request_id) == (kind, retry, "r1")


@pytest.mark.parametrize(
    "value",
    [
        {"choices": [], "error": None},
        {"choices": [], "error": {}},
        {"choices": [], "status": "error"},
        {"choices": [], "detail": "x"},
        [],
        "error",
        None,
    ],
)
def test_an_empty_error_is_not_an_error(value: object) -> None:
    """Empty error fields are common in good answers."""
    assert error_in_answer(value, WireHead(status=200)) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({}, None, id="nothing"),
        pytest.param({"retry-after": "7"}, 7.0, id="seconds"),
        pytest.param({"retry-after": " 1.5 "}, 1.5, id="a fraction"),
        pytest.param({"retry-after-ms": "250"}, 0.25, id="milliseconds"),
        pytest.param({"retry-after": "9999999"}, 3600.0, id="at most an hour"),
        pytest.param({"retry-after": "-3"}, None, id="no negative wait"),
        pytest.param({"retry-after": "soon"}, None, id="words"),
        pytest.param({"retry-after": "9" * 400}, None, id="digits without end"),
        pytest.param(
            {
                "retry-after": "Wed, 21 Oct 2026 07:28:30 GMT",
                "date": "Wed, 21 Oct 2026 07:28:00 GMT",
            },
            30.0,
            id="a date against the answer's own",
        ),
        pytest.param(
            {"retry-after": "Wed, 21 Oct 2026 07:28:30 -0000"}, 40.0, id="a date against now"
        ),
        pytest.param({"retry-after": "Wed, 21 Oct 2020 07:28:00 GMT"}, 0.0, id="a past date"),
    ],
)
def test_the_time_to_wait_is_read(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds or a date, never below zero, never above the limit."""
    now = datetime(2026, 10, 21, 7, 27, 50, tzinfo=UTC)

    assert retry_after_seconds(WireHead(status=429, headers=headers), now=now) == seconds


def test_a_date_without_a_reference_gives_no_wait() -> None:
    """This code reads no clock."""
    head = WireHead(status=429, headers={"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"})

    assert retry_after_seconds(head) is None


def test_a_key_that_the_provider_echoes_is_redacted() -> None:
    """Messages end up in logs."""
    body = json.dumps({"error": {"message": "Incorrect API key provided: sk-proj-Ab12***9xyz."}})

    error = status_error(WireHead(status=401), body.encode())

    assert "Ab12" not in str(error)
    assert "[redacted]" in str(error)


@pytest.mark.parametrize(
    ("headers", "place"),
    [({"location": "https://api.x.org/v1"}, "https://api.x.org/v1"), ({}, "somewhere else")],
    ids=["to an address", "to none"],
)
def test_a_redirect_is_reported_and_not_retried(headers: dict[str, str], place: str) -> None:
    """The address is wrong, and will be so the next time."""
    error = status_error(WireHead(status=308, headers=headers), b"")

    assert (error.kind, error.retry, error.status) == ("invalid_request", "never", 308)
    assert f"redirects (308) to {place}, and redirects are not followed" in str(error)
    assert "--base-url" in str(error)


def test_a_long_message_is_cut() -> None:
    """No one reads a page of an upstream's text."""
    error = status_error(WireHead(status=400), b"x" * 5000)

    assert len(str(error)) < 700
