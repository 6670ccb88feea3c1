"""Hosts that honour different parts of the form, diagnosed over real sockets."""

import anyio
import pytest

from agentkit.config.load import resolve_model
from agentkit.config.profile import Accepts
from agentkit.doctor.run_probes import diagnose
from tests.integration.doctor_run import QUICK, diagnosed
from tests.integration.doctor_server import OddProvider, Traits


async def test_a_host_that_honours_everything_gets_few_changes() -> None:
    """What was seen to work is in the profile; twelve requests are enough."""
    host = OddProvider(Traits(usage="stream_options"))

    report, findings, table = await diagnosed(host, provider={"accepts": Accepts()})

    assert {name: each.verdict for name, each in findings.items()} == {
        "model is listed": "unclear",
        "context window": "unclear",
        "chat": "yes",
        "tools": "yes",
        "tool_choice auto": "yes",
        "tool_choice required": "yes",
        "tool_choice any": "not asked",
        "tool_choice none": "yes",
        "tool_choice named": "yes",
        "parallel calls": "yes",
        "streamed calls": "yes",
        "usage in a stream": "yes",
        "ids it makes": "yes",
        "results of calls": "yes",
        "long ids": "yes",
        "unknown fields": "yes",
        "response_format json_schema": "yes",
        "response_format json_object": "yes",
        "form of errors": "yes",
    }
    assert not any(each.is_problem for each in findings.values())
    assert report.stopped == ""
    assert report.requests == 13
    assert table == {}
    assert all(body.get("max_tokens", 64) <= 64 for body in host.bodies)


async def test_the_sandbox_is_what_its_profile_says() -> None:
    """A profile that is right stays as it is; a host that is launched is diagnosed too."""
    resolved = resolve_model("sandbox:mixtral-8x22b", environ={})

    with anyio.fail_after(10):
        report = await diagnose(resolved, settings=QUICK)

    assert report.stopped == ""
    assert report.profiles == (resolved.provider, resolved.model)
    assert report.requests == 12
    assert report.usage.cost_usd == 0


CHOICES = {
    "strings only": (
        Traits(takes=frozenset({"auto", "required", "none"})),
        ["auto", "required", "none"],
    ),
    "the older word": (
        Traits(takes=frozenset({"auto", "any", "none"})),
        ["auto", "any", "none"],
    ),
    "nothing at all": (Traits(takes=frozenset()), []),
    "taken and not heeded": (Traits(heeds=frozenset()), ["auto"]),
    "named is read as auto": (
        Traits(heeds=frozenset({"auto", "required", "any", "none"})),
        ["auto", "required", "none"],
    ),
    "a server that fails": (
        Traits(takes=frozenset({"auto", "none"}), choice_status=500),
        ["auto", "none"],
    ),
}


@pytest.mark.parametrize(("traits", "choices"), CHOICES.values(), ids=CHOICES)
async def test_spellings_of_the_tool_choice_are_told_apart(
    traits: Traits, choices: list[str]
) -> None:
    """One that is refused, or does nothing, is not sent from now on."""
    host = OddProvider(traits)

    report, findings, _ = await diagnosed(host)

    asked = {body.get("tool_choice") for body in host.bodies if "any" in str(body)} - {None}
    expected = set(choices) | ({"any"} - asked if "any" not in choices else set())
    assert set(report.profiles[0].accepts.tool_choice) - {"any"} == expected - {"any"}
    assert ("any" in report.profiles[0].accepts.tool_choice) == ("any" in choices)
    for choice in ("auto", "required", "none", "named"):
        assert (findings[f"tool_choice {choice}"].verdict == "yes") == (choice in choices)
    assert findings["tools"].verdict == "yes"


async def test_which_of_two_fields_was_refused_is_asked() -> None:
    """`auto` and `parallel_tool_calls` go together first, to spare a request."""
    host = OddProvider(Traits(parallel=False))

    report, findings, _ = await diagnosed(host, provider={"accepts": Accepts()})

    accepts = report.profiles[0].accepts
    assert not accepts.parallel_tool_calls
    assert "auto" in accepts.tool_choice
    assert findings["parallel calls"].verdict == "no"
    assert "parallel_tool_calls" in findings["parallel calls"].seen


@pytest.mark.parametrize("most_calls", [1, 0], ids=["one call", "no call"])
async def test_parallel_calls_that_were_not_seen_are_not_claimed(most_calls: int) -> None:
    """The field is taken; whether it does something stays open."""
    traits = Traits(most_calls=most_calls or 1, tools="native" if most_calls else "never")

    report, findings, _ = await diagnosed(OddProvider(traits))

    assert findings["parallel calls"].verdict == "unclear"
    assert report.profiles[0].accepts.parallel_tool_calls
