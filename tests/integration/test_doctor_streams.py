"""Findings about streams, and about tool calls in the text."""

from typing import Any

import pytest

from agentkit.config.profile import Accepts
from tests.integration.doctor_run import MISTRAL, PLAIN, diagnosed
from tests.integration.doctor_server import OddProvider, Traits

USAGES = {
    "stream_options": ("never", "stream_options", "stream_options"),
    "always": ("always", "always", "always"),
    "refused": ("usage_include", "always", "stream_options"),
    "never": ("stream_options", "never", "never"),
    "usage_include": ("usage_include", "usage_include", "usage_include"),
}


@pytest.mark.parametrize(("before", "provider_has", "after"), USAGES.values(), ids=USAGES)
@pytest.mark.parametrize("strict", [False, True], ids=["lenient", "strict"])
async def test_the_form_of_usage_in_a_stream_is_found(
    before: Any, provider_has: Any, after: str, *, strict: bool
) -> None:
    """The profile's form is tried first, a stream without a request for usage last."""
    if (before, provider_has) == ("usage_include", "always"):
        # A field that does no harm stays; one that is refused goes.
        after = "always" if strict else "usage_include"
    server = OddProvider(Traits(usage=provider_has, strict=strict))

    report, findings, _ = await diagnosed(
        server, provider={"accepts": Accepts(stream_usage=before)}
    )

    assert report.profiles[0].accepts.stream_usage == after
    assert findings["usage in a stream"].verdict == ("no" if after == "never" else "yes")
    assert findings["unknown fields"].verdict == ("no" if strict else "yes")
    assert report.profiles[0].accepts.is_strict == strict


@pytest.mark.parametrize(
    ("traits", "question", "verdict"),
    [
        (Traits(stream="answer"), "streamed answers", "partly"),
        (Traits(stream="refused"), "streamed answers", "no"),
        (Traits(tools="text"), "streamed calls", "partly"),
        (Traits(tools="refused"), "streamed answers", "yes"),
        (Traits(tools="never"), "streamed calls", "unclear"),
    ],
    ids=["answer", "refused", "text calls", "without tools", "without a call"],
)
async def test_streams_get_a_verdict_by_their_content(
    traits: Traits, question: str, verdict: str
) -> None:
    """A response that is not a stream is accepted and reported."""
    _, findings, _ = await diagnosed(OddProvider(traits))

    assert findings[question].verdict == verdict
    assert findings[question].is_problem == (verdict == "no")


async def test_calls_in_the_text_are_no_problem() -> None:
    """They are parsed from the text; the profile stays as it is."""
    report, findings, _ = await diagnosed(OddProvider(Traits(tools="text")))

    assert findings["tools"].verdict == "partly"
    assert not findings["tools"].is_problem
    assert report.profiles[0].dialect == "openai_chat"
    assert {"required", "named"} <= report.profiles[0].accepts.tool_choice


@pytest.mark.parametrize("tools", ["refused", "never"])
async def test_a_provider_without_tool_calls_gets_the_prompted_dialect(tools: Any) -> None:
    """Only if a call was returned that way."""
    report, findings, table = await diagnosed(OddProvider(Traits(tools=tools)))

    assert table["dialect"] == "prompted"
    assert findings["tools in the prompt"].verdict == "yes"
    assert not any(each.is_problem for each in findings.values())
    assert report.stopped == ""


async def test_a_model_that_never_calls_a_tool_is_a_problem() -> None:
    """Tools are accepted but never used, also in the prompt: nothing is claimed or changed."""
    server = OddProvider(Traits(tools="never", follows_prompt=False))

    report, findings, table = await diagnosed(server)

    assert findings["tools"].is_problem
    assert findings["tools in the prompt"].verdict == "unclear"
    assert "dialect" not in table
    assert report.profiles[0].dialect == "openai_chat"


@pytest.mark.parametrize("follows_prompt", [True, False])
async def test_tools_that_a_provider_drops_are_found_by_the_size_of_the_prompt(
    follows_prompt: bool,
) -> None:
    """The profile gets the prompted dialect, also if this model does not write a call at once."""
    traits = Traits(tools="never", drops_tools=True, follows_prompt=follows_prompt)

    report, findings, table = await diagnosed(OddProvider(traits))

    assert table["dialect"] == "prompted"
    assert findings["tools"].verdict == "partly"
    assert "left out" in findings["tools"].seen
    assert "dialect 'prompted'" in findings["tools"].advice
    assert "dialect 'prompted'" in findings["tools in the prompt"].advice
    assert findings["tools"].is_problem is not follows_prompt
    assert report.stopped == ""


async def test_a_provider_whose_usage_never_changes_is_not_said_to_drop_tools() -> None:
    """Its figures show nothing: they are the same for a shorter question."""
    _, findings, table = await diagnosed(OddProvider(Traits(tools="never", follows_prompt=False)))

    assert "dialect" not in table
    assert findings["tools"].seen == "accepted, but no call was returned with any tool_choice"


async def test_a_provider_with_a_prompted_profile_is_probed_for_native_calls() -> None:
    """A provider may have added tool calls since."""
    report, _, table = await diagnosed(OddProvider(), provider={"dialect": "prompted"})

    assert table["dialect"] == "openai_chat"
    assert report.profiles[0].dialect == "openai_chat"


async def test_a_provider_without_a_chat_endpoint_gets_text_completions() -> None:
    """For a model whose prompt format is known."""
    server = OddProvider(Traits(chat_path="/none", completions=True))

    report, findings, table = await diagnosed(server)

    assert table == {"dialect": "completions"}
    assert findings["chat"].verdict == "no"
    assert findings["text completions"].verdict == "yes"
    assert not any(each.is_problem for each in findings.values())
    assert report.requests == 2


@pytest.mark.parametrize("name", [MISTRAL, PLAIN])
async def test_a_wrong_base_url_is_a_problem(name: str) -> None:
    """The advice names the address and the id."""
    _, findings, table = await diagnosed(OddProvider(Traits(chat_path="/none")), name)

    assert findings["chat"].is_problem
    assert "--base-url" in findings["chat"].advice
    assert table == {}
    assert ("text completions" in findings) == (name == MISTRAL)
