"""What is learned from a refusal."""

from dataclasses import replace

import pytest

from agentkit.config.load import resolve_model
from agentkit.errors import Retry, StatusError
from agentkit.model.adapt import Learned, adapt

PROVIDER = resolve_model("openrouter:mixtral-8x22b", environ={}, api_key="k").provider
SENT = ("model", "messages", "tools", "tool_choice", "stream_options", "max_tokens")


def _refusal(text: str, *, kind: str = "invalid_request", retry: Retry = "change") -> StatusError:
    return StatusError(text, kind=kind, retry=retry)  # type: ignore[arg-type]  # test facts


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("body.stream_options.include_usage: Extra inputs are not permitted", "stream_options"),
        ("Unrecognized request argument supplied: stream_options", "stream_options"),
        ("No endpoints found that support the provided 'tool_choice' value", "tool_choice"),
        ("Input should be 'auto', 'none' or 'any' (body.tool_choice)", "tool_choice"),
    ],
)
def test_a_field_that_is_named_is_left_out(text: str, field: str) -> None:
    """The refusal has to name it as a word of its own."""
    adapted = adapt(PROVIDER, _refusal(text), sent=SENT)

    assert adapted is not None
    assert adapted.provider.accepts.omit == {field}
    assert adapted.change == f"left out {field!r}"


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        pytest.param(_refusal("body.max_tokens: not permitted"), SENT, id="changes the meaning"),
        pytest.param(_refusal("seed: unknown field"), SENT, id="was not sent"),
        pytest.param(_refusal("my_stream_options: unknown"), SENT, id="another word"),
        pytest.param(_refusal("the stream_options are fine"), SENT, id="no refusal"),
        pytest.param(
            _refusal("tool_choice: unknown", retry="never"), SENT, id="no change would help"
        ),
        pytest.param(
            _refusal("no tools", kind="tools_unsupported"), ("model", "messages"), id="none sent"
        ),
    ],
)
def test_what_cannot_be_mended_by_leaving_out_is_not(
    error: StatusError, sent: tuple[str, ...]
) -> None:
    """The error goes to the caller."""
    assert adapt(PROVIDER, error, sent=sent) is None


def test_a_host_without_tools_gets_them_by_prompt_once() -> None:
    """A prompted host that still refuses is not asked again."""
    error = _refusal("mixtral:latest does not support tools", kind="tools_unsupported")

    adapted = adapt(PROVIDER, error, sent=SENT)

    assert adapted is not None
    assert adapted.provider.dialect == "prompted"
    assert adapt(adapted.provider, error, sent=SENT) is None


def test_what_was_learned_is_recalled_for_that_host_address_and_model_alone() -> None:
    """Another model on the same host may understand more."""
    learned = Learned()
    changed = replace(PROVIDER, dialect="prompted")
    learned.remember(changed, "a")

    assert learned.recall(PROVIDER, "a") is changed
    assert learned.recall(PROVIDER, "b") is PROVIDER
    elsewhere = replace(PROVIDER, base_url="http://127.0.0.1:1")
    assert learned.recall(elsewhere, "a") is elsewhere
