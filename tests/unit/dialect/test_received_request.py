"""Bodies of requests: invalid ones, and the parameter that an error names."""

from typing import Any

import pytest

from agentkit.dialect.openai_chat.server_request import decode_chat_request
from agentkit.dialect.received_request import (
    InvalidRequestError,
    drop_fields,
    load_body,
    require_neutral,
)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"7", b'{"x": NaN}', b'"\\ud800"', b'{"x": "\\ud800"}', b"\xff"]
)
def test_a_body_that_is_not_a_json_object_is_refused(body: bytes) -> None:
    """A lone surrogate counts as invalid JSON: no response could repeat it."""
    with pytest.raises(InvalidRequestError, match="The body is not") as refused:
        load_body(body)

    assert (refused.value.param, refused.value.code) == (None, "invalid_json")


def test_a_json_object_is_returned() -> None:
    """As it arrived."""
    assert load_body('{"model": "é", "n": 1}'.encode()) == {"model": "é", "n": 1}


def test_ignored_fields_and_nulls_are_dropped() -> None:
    """In this format a null means that the field is not set."""
    assert drop_fields({"model": "m", "min_p": 0.1, "seed": None}, ["min_p"]) == {"model": "m"}


@pytest.mark.parametrize(
    ("body", "param", "dotted", "code"),
    [
        ({}, "model", "model", "missing_required_parameter"),
        ({"model": "m", "x": 1}, "messages", "messages", "missing_required_parameter"),
        ({"messages": [], "x": 1, "model": "m"}, "x", "x", "unknown_parameter"),
        (
            {"messages": [{"role": "user"}], "model": "m"},
            "messages[0].content",
            "messages.0.content",
            "missing_required_parameter",
        ),
        (
            {"messages": [{"role": "user", "content": 7}], "model": "m"},
            "messages[0].content",
            "messages.0.content",
            "invalid_type",
        ),
        (
            {
                "messages": [{"role": "user", "content": [{"type": "text", "text": 7}]}],
                "model": "m",
            },
            "messages[0].content[0].text",
            "messages.0.content.0.text",
            "invalid_type",
        ),
        (
            {"messages": [], "model": "m", "stream_options": {"include_usage": "yes"}},
            "stream_options.include_usage",
            "stream_options.include_usage",
            "invalid_type",
        ),
        ({"messages": [], "model": "m", "tools": []}, "tools", "tools", "empty_array"),
    ],
)
def test_an_error_names_the_parameter_as_each_format_writes_it(
    body: dict[str, Any], param: str, dotted: str, code: str
) -> None:
    """Without the names that pydantic gives to the alternatives of a union."""
    with pytest.raises(InvalidRequestError) as refused:
        decode_chat_request(body)

    error = refused.value
    assert (error.param, error.dotted_param, error.code) == (param, dotted, code)
    assert str(error) == f"{param}: {error.reason}"


def test_no_value_of_the_body_is_repeated() -> None:
    """An error goes into logs; a body may hold anything."""
    with pytest.raises(InvalidRequestError) as refused:
        decode_chat_request({"model": {"secret": "s3cr3t"}, "messages": []})

    assert "s3cr3t" not in f"{refused.value} {refused.value.details}"


@pytest.mark.parametrize(
    ("value", "neutral", "reason"),
    [
        (2, (1,), "only 1 is supported"),
        (True, (1,), "only 1 is supported"),
        ("low", ("medium", "high"), 'only "medium" or "high" is supported'),
        ({}, (), "it is not supported"),
    ],
)
def test_a_value_that_would_change_the_answer_is_refused(
    value: Any, neutral: tuple[Any, ...], reason: str
) -> None:
    """The error names the values that may be sent."""
    with pytest.raises(InvalidRequestError) as refused:
        require_neutral({"n": value}, {"n": neutral})

    assert (refused.value.reason, refused.value.code) == (reason, "unsupported_value")


def test_neutral_values_and_harmless_fields_are_accepted() -> None:
    """Clients send defaults along."""
    require_neutral({"n": 1, "user": "ann", "frequency_penalty": 0.0}, {"n": (1,)})
