"""How later requests change after a provider has refused one."""

from dataclasses import replace

import pytest

from agentkit.config.load import resolve_model
from agentkit.config.profile import ModelProfile
from agentkit.errors import Retry, StatusError
from agentkit.model.downgrade import LearnedProfiles, find_downgrade

RESOLVED = resolve_model("openrouter:mixtral-8x22b", environ={}, api_key="k")
PROVIDER, MIXTRAL = RESOLVED.provider, RESOLVED.model
UNKNOWN = ModelProfile(family="weights.gguf", id="weights.gguf")
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
def test_a_field_that_the_refusal_names_is_left_out(text: str, field: str) -> None:
    """It must be named as a word of its own."""
    downgrade = find_downgrade(PROVIDER, MIXTRAL, _refusal(text), sent=SENT)

    assert downgrade is not None
    assert downgrade.provider.accepts.omit == {field}
    assert downgrade.model is MIXTRAL
    assert downgrade.change == f"left out {field!r}"


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
def test_a_required_field_is_not_left_out(error: StatusError, sent: tuple[str, ...]) -> None:
    """The error goes to the caller."""
    assert find_downgrade(PROVIDER, UNKNOWN, error, sent=sent) is None


def test_the_token_limit_is_renamed_once_to_the_name_in_the_refusal() -> None:
    """If a provider refuses both names, the request is not repeated for ever."""
    error = _refusal("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")

    downgrade = find_downgrade(PROVIDER, MIXTRAL, error, sent=SENT)

    assert downgrade is not None
    assert downgrade.provider.accepts.max_tokens_field == "max_completion_tokens"
    again = _refusal("'max_completion_tokens' is not supported; use 'max_tokens'.")
    assert (
        find_downgrade(downgrade.provider, MIXTRAL, again, sent=("max_completion_tokens",)) is None
    )


@pytest.mark.parametrize(
    "text",
    [
        "Missing `reasoning_content` field in the assistant message at message index 2.",
        "thinking is enabled but reasoning_content is missing in assistant tool call message",
        "Expected `thinking` or `redacted_thinking`, but found `tool_use`.",
        "content[].thinking must be passed back in thinking mode",
    ],
)
def test_reasoning_is_sent_back_to_a_provider_that_misses_it(text: str) -> None:
    """Once: if it still refuses, the reasoning is left out for good, or the error is raised."""
    downgrade = find_downgrade(PROVIDER, MIXTRAL, _refusal(text), sent=SENT)

    assert downgrade is not None
    assert downgrade.provider.accepts.takes_reasoning
    assert downgrade.change == "sent reasoning back"
    changed = downgrade.provider
    assert find_downgrade(changed, MIXTRAL, _refusal(text), sent=SENT) is None
    refused = _refusal("messages[1].reasoning_content: Extra inputs are not permitted")
    again = find_downgrade(changed, MIXTRAL, refused, sent=SENT)
    assert again is not None
    assert not again.provider.accepts.takes_reasoning
    assert again.change == "left reasoning out"
    assert find_downgrade(again.provider, MIXTRAL, _refusal(text), sent=SENT) is None


def test_a_provider_without_tools_gets_them_in_the_prompt_once() -> None:
    """If it still refuses, the request is not repeated."""
    error = _refusal("mixtral:latest does not support tools", kind="tools_unsupported")

    downgrade = find_downgrade(PROVIDER, MIXTRAL, error, sent=SENT)

    assert downgrade is not None
    assert downgrade.provider.dialect == "prompted"
    assert find_downgrade(downgrade.provider, MIXTRAL, error, sent=SENT) is None


MISTRALS_REFUSALS = [
    "Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9.",
    f"Tool call id was {'x' * 64} but must be a-z, A-Z, 0-9, with a length of 9.",
    "Tool call id has to be defined in serving mode.",
    "Error: Jinja Exception: Tool call IDs should be alphanumeric strings with length 9!",
    "Jinja Exception: Tool call ids must be nine letters or digits.",
    "tool_call_id must be exactly 9 characters",
    "Not the same number of function calls and responses",
    "Unexpected role 'user' after role 'tool'",
    'Unexpected role "system" after role "assistant"',
    "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant",
    "After the optional system message, conversation roles must alternate user/assistant/user",
    "Assistant message must have either content or tool_calls, but not both.",
]


@pytest.mark.parametrize("text", MISTRALS_REFUSALS)
def test_a_model_that_refuses_like_mistrals_gets_their_rules_once(text: str) -> None:
    """Its name did not show the family; under the rules, the same refusal is an error."""
    downgrade = find_downgrade(PROVIDER, UNKNOWN, _refusal(text), sent=SENT)

    assert downgrade is not None
    assert downgrade.model == replace(UNKNOWN, rules="mistral")
    assert downgrade.provider is PROVIDER
    assert downgrade.change == "kept the rules of the Mistral family"
    assert find_downgrade(PROVIDER, downgrade.model, _refusal(text), sent=SENT) is None


@pytest.mark.parametrize(
    "text",
    [
        "tool call id call_9 was not found",
        "The role 'tool' is not known",
        "max_tokens must be nine or more",
        "messages: content of role user must not be empty",
    ],
)
def test_another_refusal_does_not_turn_the_rules_on(text: str) -> None:
    """A few similar words are not enough."""
    assert find_downgrade(PROVIDER, UNKNOWN, _refusal(text), sent=SENT) is None


def test_a_downgrade_is_remembered_for_that_provider_address_and_model_alone() -> None:
    """Another model at the same provider may support more."""
    learned = LearnedProfiles()
    changed = replace(PROVIDER, dialect="prompted"), replace(UNKNOWN, rules="mistral")
    learned.remember(*changed)
    elsewhere = replace(PROVIDER, base_url="http://127.0.0.1:1")

    assert learned.recall(PROVIDER, UNKNOWN) == changed
    assert learned.recall(PROVIDER, MIXTRAL) == (PROVIDER, MIXTRAL)
    assert learned.recall(elsewhere, UNKNOWN) == (elsewhere, UNKNOWN)
