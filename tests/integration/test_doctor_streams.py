"""What is found of streams, and of calls that do not come as calls."""

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


@pytest.mark.parametrize(("before", "host_has", "after"), USAGES.values(), ids=USAGES)
@pytest.mark.parametrize("strict", [False, True], ids=["lenient", "strict"])
async def test_how_usage_comes_in_a_stream_is_found(
    before: Any, host_has: Any, after: str, *, strict: bool
) -> None:
    """What the profile has is tried first, a plain stream last."""
    if (before, host_has) == ("usage_include", "always"):
        # A field that does no harm stays; one that is refused goes.
        after = "always" if strict else "usage_include"
    host = OddProvider(Traits(usage=host_has, strict=strict))

    report, findings, _ = await diagnosed(host, provider={"accepts": Accepts(stream_usage=before)})

    assert report.profiles[0].accepts.stream_usage == after
    assert findings["usage in a stream"].verdict == ("no" if after == "never" else "yes")
    assert findings["unknown fields"].verdict == ("no" if strict else "yes")
    assert report.profiles[0].accepts.is_strict == strict


@pytest.mark.parametrize(
    ("traits", "question", "verdict"),
    [
        (Traits(stream="whole"), "streamed answers", "partly"),
        (Traits(stream="refused"), "streamed answers", "no"),
        (Traits(tools="leak"), "streamed calls", "partly"),
        (Traits(tools="refused"), "streamed answers", "yes"),
        (Traits(tools="never"), "streamed calls", "unclear"),
    ],
    ids=["whole", "refused", "leaked", "without tools", "without a call"],
)
async def test_streams_are_judged_by_what_came(traits: Traits, question: str, verdict: str) -> None:
    """A stream that is none is no error, and said."""
    _, findings, _ = await diagnosed(OddProvider(traits))

    assert findings[question].verdict == verdict
    assert findings[question].is_problem == (verdict == "no")


async def test_calls_that_leak_are_no_problem() -> None:
    """They are read from the text; the profile stays as it is."""
    report, findings, _ = await diagnosed(OddProvider(Traits(tools="leak")))

    assert findings["tools"].verdict == "partly"
    assert not findings["tools"].is_problem
    assert report.profiles[0].dialect == "openai_chat"
    assert {"required", "named"} <= report.profiles[0].accepts.tool_choice


@pytest.mark.parametrize("tools", ["refused", "never"])
async def test_a_host_without_tool_calls_gets_them_by_prompt(tools: Any) -> None:
    """It was seen that a call comes so, and only then is it well."""
    report, findings, table = await diagnosed(OddProvider(Traits(tools=tools)))

    assert table["dialect"] == "prompted"
    assert findings["tools by prompt"].verdict == "yes"
    assert not any(each.is_problem for each in findings.values())
    assert report.stopped == ""


async def test_a_model_that_calls_in_no_way_is_not_said_to_work() -> None:
    """Taken tools that are never used, and no call by prompt: nothing is claimed or changed."""
    host = OddProvider(Traits(tools="never", follows_prompt=False))

    report, findings, table = await diagnosed(host)

    assert findings["tools"].is_problem
    assert findings["tools by prompt"].verdict == "unclear"
    assert "dialect" not in table
    assert report.profiles[0].dialect == "openai_chat"


async def test_a_host_that_learned_tools_gets_its_calls_back() -> None:
    """A profile with tools by prompt is diagnosed for native calls."""
    report, _, table = await diagnosed(OddProvider(), provider={"dialect": "prompted"})

    assert table["dialect"] == "openai_chat"
    assert report.profiles[0].dialect == "openai_chat"


async def test_a_host_without_a_chat_gets_raw_completions() -> None:
    """For a model whose prompt is known."""
    host = OddProvider(Traits(chat_path="/none", completions=True))

    report, findings, table = await diagnosed(host)

    assert table == {"dialect": "completions"}
    assert findings["chat"].verdict == "no"
    assert findings["raw completions"].verdict == "yes"
    assert not any(each.is_problem for each in findings.values())
    assert report.requests == 2


@pytest.mark.parametrize("name", [MISTRAL, PLAIN])
async def test_a_host_with_nothing_at_its_address_is_a_problem(name: str) -> None:
    """The advice names the address and the id."""
    _, findings, table = await diagnosed(OddProvider(Traits(chat_path="/none")), name)

    assert findings["chat"].is_problem
    assert "--base-url" in findings["chat"].advice
    assert table == {}
    assert ("raw completions" in findings) == (name == MISTRAL)
